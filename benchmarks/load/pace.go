package main

import (
	"math"

	"fastgate/benchmarks/internal/netpoll"
)

// maxPending is how many sends may wait for a free connection before the oldest is given up.
const maxPending = 1 << 16

// pace is the schedule of an open loop: send i is intended at first + i*interval, whatever the answers do.
// Sends wait for a free connection in order, so that a queue of them is two numbers.
type pace struct {
	first    int64
	interval float64 // nanoseconds
	end      int64
	limit    int64
	due      int64 // sends whose time has come
	taken    int64 // of them, sent or given up
}

func (p *pace) intended(i int64) int64 {
	return p.first + int64(math.Round(float64(i)*p.interval))
}

// next is the moment of the next send, Forever behind the last.
func (p *pace) next() int64 {
	if moment := p.intended(p.due); moment < p.end {
		return moment
	}
	return netpoll.Forever
}

// advance makes one send due and returns its intended moment; false if none is due by now.
func (p *pace) advance(now int64) (int64, bool) {
	moment := p.next()
	if moment > now {
		return 0, false
	}
	p.due++
	return moment, true
}

func (p *pace) pending() bool { return p.taken < p.due }

func (p *pace) overflows() bool { return p.due-p.taken > p.limit }

// take returns the intended moment of the oldest pending send.
func (p *pace) take() int64 {
	moment := p.intended(p.taken)
	p.taken++
	return moment
}
