package main

import (
	"errors"
	"os"
	"sync"
	"time"
)

const (
	lineFlushInterval = 50 * time.Millisecond
	maxWaiting        = 64 << 20
)

// A lineWriter appends lines to a file, 50 ms after they came about at the latest. Lines are dropped, and counted,
// when more than 64 MiB wait; what cannot be written is counted and lost.
type lineWriter struct {
	file    *os.File
	mu      sync.Mutex
	waiting []byte
	written []byte // of the flushing goroutine
	stop    chan struct{}
	stopped chan error // of the last flush
}

func openLineWriter(path string) (*lineWriter, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	w := &lineWriter{file: file, stop: make(chan struct{}), stopped: make(chan error, 1)}
	go w.run()
	return w, nil
}

// write takes a line, without keeping it.
func (w *lineWriter) write(line []byte) {
	w.mu.Lock()
	fits := len(w.waiting) < maxWaiting
	if fits {
		w.waiting = append(w.waiting, line...)
	}
	w.mu.Unlock()
	if !fits {
		linesDropped.Inc()
	}
}

func (w *lineWriter) run() {
	ticker := time.NewTicker(lineFlushInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if w.flush() != nil {
				logFailures.Inc()
			}
		case <-w.stop:
			w.stopped <- w.flush()
			return
		}
	}
}

func (w *lineWriter) flush() error {
	w.mu.Lock()
	w.waiting, w.written = w.written[:0], w.waiting
	w.mu.Unlock()
	if len(w.written) == 0 {
		return nil
	}
	_, err := w.file.Write(w.written)
	return err
}

// close writes what waits.
func (w *lineWriter) close() error {
	close(w.stop)
	return errors.Join(<-w.stopped, w.file.Close())
}
