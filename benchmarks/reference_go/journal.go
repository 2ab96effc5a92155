package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	defaultSegment = 8 << 20
	recordHead     = 16 // length and CRC, 32 bits each; sequence, 64 bits
	recordAlign    = 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A journal is an append-only record of what calls cost, in mapped files: what was appended survives the process.
// The first word of a record is stored last, so a reader never sees half of one; where it is 0 there is none.
type journal struct {
	mu       sync.Mutex
	segment  []byte
	offset   int
	sequence uint64
	spares   chan []byte // made ahead by prepare
	failed   chan error
	stop     chan struct{}
	stopped  sync.WaitGroup
}

// openJournal begins a journal in a directory of its own, below the one given: each life of the process has one.
func openJournal(parent string, segmentBytes int) (*journal, error) {
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, err
	}
	directory, err := os.MkdirTemp(parent, time.Now().UTC().Format("20060102T150405-"))
	if err != nil {
		return nil, err
	}
	first, err := newSegment(directory, 0, segmentBytes)
	if err != nil {
		return nil, err
	}
	j := &journal{segment: first, spares: make(chan []byte), failed: make(chan error, 1), stop: make(chan struct{})}
	j.stopped.Add(1)
	go j.prepare(directory, segmentBytes)
	return j, nil
}

// prepare keeps one segment ready, as to make it takes milliseconds.
func (j *journal) prepare(directory string, segmentBytes int) {
	defer j.stopped.Done()
	for number := 1; ; number++ {
		segment, err := newSegment(directory, number, segmentBytes)
		if err != nil {
			j.failed <- err
			return
		}
		select {
		case j.spares <- segment:
		case <-j.stop:
			j.failed <- errors.Join(syscall.Munmap(segment), os.Remove(segmentPath(directory, number)))
			return
		}
	}
}

func segmentPath(directory string, number int) string {
	return filepath.Join(directory, fmt.Sprintf("%06d.seg", number))
}

// newSegment maps a file whose blocks are reserved, so that a full disk is an error here and no SIGBUS later.
func newSegment(directory string, number, size int) ([]byte, error) {
	file, err := os.OpenFile(segmentPath(directory, number), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := syscall.Fallocate(int(file.Fd()), 0, 0, int64(size)); err != nil {
		return nil, err
	}
	return syscall.Mmap(int(file.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
}

// append writes a record. It waits only if a whole segment was filled before the next one was made.
func (j *journal) append(payload []byte) error {
	size := (recordHead + len(payload) + recordAlign - 1) &^ (recordAlign - 1)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.segment == nil {
		return os.ErrClosed
	}
	if j.offset+size > len(j.segment) {
		if err := j.turn(); err != nil {
			return err
		}
	}
	record := j.segment[j.offset : j.offset+size]
	j.sequence++
	binary.LittleEndian.PutUint64(record[8:], j.sequence)
	copy(record[recordHead:], payload)
	crc := crc32.Checksum(record[8:recordHead+len(payload)], castagnoli)
	first := uint64(crc)<<32 | uint64(len(payload))
	atomic.StoreUint64((*uint64)(unsafe.Pointer(&record[0])), first)
	j.offset += size
	return nil
}

func (j *journal) turn() error {
	select {
	case next := <-j.spares:
		full := j.segment
		j.segment, j.offset = next, 0
		return syscall.Munmap(full)
	case err := <-j.failed:
		j.failed <- err // for whoever comes next
		return err
	}
}

// close unmaps; nothing can be appended afterwards.
func (j *journal) close() error {
	close(j.stop)
	j.stopped.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	last := j.segment
	j.segment = nil
	return errors.Join(<-j.failed, syscall.Munmap(last))
}
