package main

import "sync/atomic"

// maxBudgets is how many budgets one call may meet.
const maxBudgets = 5

// A budget is a cap of money, in nano-USD.
type budget struct {
	id    string
	limit int64
	used  atomic.Int64 // spent, and held for calls in flight
}

// take reserves sum, unless it does not fit.
func (b *budget) take(sum int64) bool {
	for {
		used := b.used.Load()
		if sum > b.limit-used {
			return false
		}
		if b.used.CompareAndSwap(used, used+sum) {
			return true
		}
	}
}

// budgets are those that a call has to fit, all of them.
type budgets []*budget

// hold reserves sum in every budget, or in none: then it returns the first that does not cover it.
func (all budgets) hold(sum int64) *budget {
	for i, b := range all {
		if !b.take(sum) {
			all[:i].settle(sum, 0)
			return b
		}
	}
	return nil
}

// settle puts cost in the place of what was held.
func (all budgets) settle(held, cost int64) {
	for _, b := range all {
		b.used.Add(cost - held)
	}
}
