package main

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// A measure is what a rate counts.
type measure uint8

const (
	ofRequests measure = iota
	ofTokens
)

// A rate is a limit by the generic cell rate algorithm: amount units in a period, as many at once.
type rate struct {
	measure measure
	amount  int64
	period  int64        // ns
	cell    atomic.Int64 // when all that was taken is refilled, by monotonic()
}

// refill is how long n units, at most amount, take to come back; rounded up.
func (r *rate) refill(n int64) int64 {
	high, low := bits.Mul64(uint64(n), uint64(r.period))
	low, carry := bits.Add64(low, uint64(r.amount-1), 0)
	ns, _ := bits.Div64(high+carry, low, uint64(r.amount))
	return int64(ns)
}

// take takes n units, at most amount, or says how long it is until they would fit.
func (r *rate) take(n, now int64) (wait int64) {
	need := r.refill(n)
	for {
		cell := r.cell.Load()
		full := max(cell, now) + need
		if wait := full - now - r.period; wait > 0 {
			return wait
		}
		if r.cell.CompareAndSwap(cell, full) {
			return 0
		}
	}
}

// correct takes n units even if they are not there, at most amount of them, or gives -n back.
func (r *rate) correct(n, now int64) {
	if n < 0 {
		r.cell.Add(-r.refill(-n))
		return
	}
	debt := r.refill(min(n, r.amount))
	for {
		cell := r.cell.Load()
		if r.cell.CompareAndSwap(cell, max(cell, now)+debt) {
			return
		}
	}
}

// left is what could be taken now, and how long it is until all can.
func (r *rate) left(now int64) (units, reset int64) {
	reset = min(max(r.cell.Load()-now, 0), r.period)
	high, low := bits.Mul64(uint64(r.period-reset), uint64(r.amount))
	n, _ := bits.Div64(high, low, uint64(r.period))
	return int64(n), reset
}

// A gauge caps how many calls are in flight at once.
type gauge struct {
	most int64
	now  atomic.Int64
}

func (g *gauge) enter() bool {
	if g.now.Add(1) <= g.most {
		return true
	}
	g.now.Add(-1)
	return false
}

func (g *gauge) leave() { g.now.Add(-1) }

// limits are those that a call has to pass, all of them.
type limits struct {
	rates  []*rate
	gauges []*gauge
}

// recheck is when a call that met a full gauge is told to come again.
const recheck = int64(time.Second)

// likely is what to admit a call with that may take so many tokens: more than there are at once would be refused
// for ever. The call's end corrects it.
func (l *limits) likely(tokens int64) int64 {
	for _, r := range l.rates {
		if r.measure == ofTokens {
			tokens = min(tokens, r.amount)
		}
	}
	return tokens
}

// admit takes one request, and its tokens, from every rate and enters every gauge, or changes nothing: then wait
// is above 0.
func (l *limits) admit(tokens, now int64) (wait int64) {
	for i, r := range l.rates {
		if wait := r.take(units(r.measure, tokens), now); wait > 0 {
			l.giveBack(i, 0, tokens, now)
			return wait
		}
	}
	for i, g := range l.gauges {
		if !g.enter() {
			l.giveBack(len(l.rates), i, tokens, now)
			return recheck
		}
	}
	return 0
}

func (l *limits) giveBack(rates, gauges int, tokens, now int64) {
	for _, r := range l.rates[:rates] {
		r.correct(-units(r.measure, tokens), now)
	}
	for _, g := range l.gauges[:gauges] {
		g.leave()
	}
}

// leave ends an admitted call. excess is by how much it took more tokens than it was admitted with.
func (l *limits) leave(excess, now int64) {
	for _, r := range l.rates {
		if r.measure == ofTokens && excess != 0 {
			r.correct(excess, now)
		}
	}
	for _, g := range l.gauges {
		g.leave()
	}
}

func units(m measure, tokens int64) int64 {
	if m == ofTokens {
		return tokens
	}
	return 1
}
