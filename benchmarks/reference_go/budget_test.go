package main

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestHoldIsAllOrNothing(t *testing.T) {
	wide, narrow := &budget{id: "wide", limit: 100}, &budget{id: "narrow", limit: 10}
	chain := budgets{wide, narrow, wide}
	if short := chain.hold(11); short != narrow {
		t.Fatalf("refused by %v", short)
	}
	if wide.used.Load() != 0 || narrow.used.Load() != 0 {
		t.Fatal("a refused hold left something behind")
	}
	if chain.hold(10) != nil || wide.used.Load() != 20 || narrow.used.Load() != 10 {
		t.Fatal("what fits exactly was not held once in each")
	}
	chain.settle(10, 4)
	if wide.used.Load() != 8 || narrow.used.Load() != 4 {
		t.Fatal("the cost did not take the hold's place")
	}
}

func TestHoldsInParallelKeepEveryLimit(t *testing.T) {
	const workers, calls, hold = 16, 5_000, 7
	shared := &budget{id: "shared", limit: workers * hold / 2}
	var spent atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			own := &budget{id: "own", limit: 1 << 40}
			chain := budgets{own, shared}
			var admitted int64
			for range calls {
				if chain.hold(hold) == nil {
					if used := shared.used.Load(); used > shared.limit {
						t.Errorf("%d of %d in use", used, shared.limit)
					}
					chain.settle(hold, 0)
					admitted++
				}
				if used := own.used.Load(); used != 0 {
					t.Errorf("%d left in the own budget", used)
				}
			}
			spent.Add(admitted)
		})
	}
	all.Wait()
	if shared.used.Load() != 0 {
		t.Fatalf("%d left behind", shared.used.Load())
	}
	if spent.Load() == 0 {
		t.Fatal("nothing was admitted")
	}
}

func TestCostsInParallelNeverPassTheLimit(t *testing.T) {
	const workers = 16
	chain := budgets{{limit: 1_000}, {limit: 777}, {limit: 2_000}}
	var all sync.WaitGroup
	var spent atomic.Int64
	for range workers {
		all.Go(func() {
			for range 1_000 {
				if chain.hold(3) == nil {
					chain.settle(3, 2)
					spent.Add(2)
				}
			}
		})
	}
	all.Wait()
	for _, b := range chain {
		if b.used.Load() != spent.Load() {
			t.Fatalf("%d of a budget in use, %d spent", b.used.Load(), spent.Load())
		}
	}
	// The last hold fits as long as 3 are left.
	if spent.Load() > 777 || spent.Load() < 774 {
		t.Fatalf("%d spent", spent.Load())
	}
}
