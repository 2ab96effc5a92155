package netpoll

import (
	"time"

	"golang.org/x/sys/unix"
)

// Go's monotonic clock is CLOCK_MONOTONIC, read without a system call; only its zero is its own.
var (
	started = time.Now()
	offset  = monotonic() - int64(time.Since(started))
)

// Now is CLOCK_MONOTONIC in nanoseconds, comparable between the processes of a machine.
func Now() int64 {
	return offset + int64(time.Since(started))
}

func monotonic() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err) // a clock that Linux always has
	}
	return now.Nano()
}
