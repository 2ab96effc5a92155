package main

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// readJournal returns the payloads, and fails on a wrong checksum or a gap.
func readJournal(t *testing.T, directory string) [][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(directory, "*", "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	var payloads [][]byte
	for _, path := range paths {
		segment, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for len(segment) >= recordHead {
			length := int(binary.LittleEndian.Uint32(segment))
			if length == 0 {
				break
			}
			if crc32.Checksum(segment[8:recordHead+length], castagnoli) != binary.LittleEndian.Uint32(segment[4:]) {
				t.Fatalf("%s: a checksum is wrong", path)
			}
			if sequence := binary.LittleEndian.Uint64(segment[8:]); sequence != uint64(len(payloads)+1) {
				t.Fatalf("%s: %d follows %d", path, sequence, len(payloads))
			}
			payloads = append(payloads, segment[recordHead:recordHead+length])
			segment = segment[(recordHead+length+recordAlign-1)&^(recordAlign-1):]
		}
	}
	return payloads
}

func TestJournalHasEveryRecordOfAllWriters(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "journal")
	j, err := openJournal(directory, 4096)
	fatal(t, err)
	const writers, records = 8, 500
	var all sync.WaitGroup
	for writer := range writers {
		all.Go(func() {
			for record := range records {
				if err := j.append([]byte(strconv.Itoa(writer*records + record))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	// Not closed: what a killed process leaves behind is all there.
	seen := map[string]bool{}
	for _, payload := range readJournal(t, directory) {
		seen[string(payload)] = true
	}
	if len(seen) != writers*records {
		t.Fatalf("%d records of %d", len(seen), writers*records)
	}
	fatal(t, j.close())
	if len(readJournal(t, directory)) != writers*records {
		t.Fatal("closing changed the journal")
	}
}

func TestNothingIsAppendedToAClosedJournal(t *testing.T) {
	j, err := openJournal(t.TempDir(), 4096)
	fatal(t, err)
	fatal(t, j.append([]byte("last")))
	fatal(t, j.close())
	if err := j.append([]byte("late")); err != os.ErrClosed {
		t.Fatalf("after the end: %v", err)
	}
}
