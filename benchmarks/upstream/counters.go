package main

import (
	"fmt"
	"sync/atomic"
	"time"
)

// A chunk written this long after its time is counted: the provider itself did not keep its pace.
const lateness = int64(5 * time.Millisecond)

// counters are of the whole process.
type counters struct {
	requests, streams, chunks, refused, late atomic.Int64

	refusable atomic.Int64
}

func (c *counters) response() []byte {
	return response("200 OK", "", fmt.Sprintf(`{"requests":%d,"streams":%d,"chunks":%d,"refused":%d,"late":%d}`,
		c.requests.Load(), c.streams.Load(), c.chunks.Load(), c.refused.Load(), c.late.Load()))
}

// refuse says whether the next call of a model that refuses some percent is refused, evenly spread.
func (c *counters) refuse(percent int64) bool {
	n := c.refusable.Add(1)
	refused := n*percent/100 != (n-1)*percent/100
	if refused {
		c.refused.Add(1)
	}
	return refused
}
