package main

// memory is how many of the latest chunks are known one by one.
const memory = 64

// sequence accounts for the numbered chunks of one stream, which should come as 0, 1, 2, ...
type sequence struct {
	next int64  // one above the highest that came
	seen uint64 // bit i: next-1-i came
}

// change is what one chunk did to the account.
type change struct {
	lost, reordered, duplicated int64
}

// take accounts for a chunk. One that comes late was counted as lost and is taken back.
func (s *sequence) take(seq int64) change {
	if skipped := seq - s.next; skipped >= 0 {
		s.seen = s.seen<<min(skipped+1, memory) | 1
		s.next = seq + 1
		return change{lost: skipped}
	}
	age := s.next - 1 - seq
	if age < memory && s.seen&(1<<age) == 0 {
		s.seen |= 1 << age
		return change{lost: -1, reordered: 1}
	}
	return change{duplicated: 1}
}

// end returns how many of the stream's total were lost at its end.
func (s *sequence) end(total int64) change {
	return change{lost: max(total-s.next, 0)}
}
