package netpoll

import (
	"math/rand"
	"slices"
	"testing"
)

func TestDeadlinesComeInOrder(t *testing.T) {
	var deadlines Deadlines
	if deadlines.Next() != Forever {
		t.Fatal("an empty heap is due")
	}
	moments := rand.New(rand.NewSource(1)).Perm(500)
	for _, moment := range moments {
		deadlines.Add(int64(moment), int32(moment))
	}
	var order []int32
	for deadlines.Next() != Forever {
		order = append(order, deadlines.Pop())
	}
	if len(order) != len(moments) || !slices.IsSorted(order) {
		t.Fatalf("%v", order)
	}
}

func TestNowIsTheMonotonicClock(t *testing.T) {
	before := monotonic()
	now := Now()
	after := monotonic()
	const spread = 50_000 // the offset was measured between two calls
	if now < before-spread || now > after+spread {
		t.Fatalf("%d is not between %d and %d", now, before, after)
	}
}
