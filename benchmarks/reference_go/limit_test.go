package main

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const minute = int64(time.Minute)

func TestRateLetsItsBurstThroughAndThenItsRate(t *testing.T) {
	r := &rate{measure: ofRequests, amount: 60, period: minute}
	for i := range 60 {
		if wait := r.take(1, 0); wait != 0 {
			t.Fatalf("request %d waits %d", i, wait)
		}
	}
	wait := r.take(1, 0)
	if wait != int64(time.Second) {
		t.Fatalf("wait of %d ns", wait)
	}
	if r.take(1, wait-1) == 0 || r.take(1, wait) != 0 {
		t.Fatal("the wait is not exact")
	}
}

func TestRateInParallelAdmitsNoMoreThanItsBurst(t *testing.T) {
	r := &rate{measure: ofTokens, amount: 1_000, period: minute}
	var admitted atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1_000 {
				if r.take(3, 0) == 0 {
					admitted.Add(3)
				}
			}
		})
	}
	all.Wait()
	if admitted.Load() != 999 {
		t.Fatalf("%d admitted", admitted.Load())
	}
}

func TestLargeRatesDoNotOverflow(t *testing.T) {
	r := &rate{measure: ofTokens, amount: 100_000_000_000, period: minute}
	if wait := r.take(1<<30, 0); wait != 0 {
		t.Fatalf("wait of %d ns", wait)
	}
	left, _ := r.left(0)
	if want := r.amount - 1<<30; left > want || left < want-2*r.amount/minute {
		t.Fatalf("%d left, not %d", left, want)
	}
}

func TestARefusedCallTakesNothing(t *testing.T) {
	requests := &rate{measure: ofRequests, amount: 10, period: minute}
	tokens := &rate{measure: ofTokens, amount: 100, period: minute}
	room := &gauge{most: 1}
	all := limits{rates: []*rate{requests, tokens}, gauges: []*gauge{room}}
	if all.admit(60, 0) != 0 {
		t.Fatal("the first was refused")
	}
	if all.admit(60, 0) == 0 {
		t.Fatal("the second was admitted without tokens")
	}
	if all.admit(10, 0) != recheck {
		t.Fatal("the third was admitted beside the first")
	}
	left, _ := requests.left(0)
	tokensLeft, _ := tokens.left(0)
	if left != 9 || tokensLeft != 40 || room.now.Load() != 1 {
		t.Fatalf("left: %d requests, %d tokens, %d in flight", left, tokensLeft, room.now.Load())
	}
	all.leave(-50, 0)
	if tokensLeft, _ = tokens.left(0); tokensLeft != 90 || room.now.Load() != 0 {
		t.Fatalf("after the end: %d tokens, %d in flight", tokensLeft, room.now.Load())
	}
}

func TestACallIsAdmittedWithWhatThereCanBe(t *testing.T) {
	all := limits{rates: []*rate{{measure: ofTokens, amount: 100, period: minute}}}
	if all.admit(all.likely(5_000), 0) != 0 {
		t.Fatal("refused for ever")
	}
}
