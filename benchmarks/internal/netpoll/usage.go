package netpoll

import (
	"fmt"
	"os"
)

// Usage is what a thread did with its time, in nanoseconds: Run on a processor, Wait ready but without one.
// The rest it slept.
type Usage struct{ Run, Wait int64 }

// ThreadUsage is the usage of the calling thread since its start.
func ThreadUsage() (Usage, error) {
	text, err := os.ReadFile("/proc/thread-self/schedstat")
	if err != nil {
		return Usage{}, err
	}
	var usage Usage
	if _, err := fmt.Sscan(string(text), &usage.Run, &usage.Wait); err != nil {
		return Usage{}, fmt.Errorf("/proc/thread-self/schedstat: %w", err)
	}
	return usage, nil
}

// Since is the usage between an earlier moment and this one.
func (u Usage) Since(earlier Usage) Usage {
	return Usage{u.Run - earlier.Run, u.Wait - earlier.Wait}
}
