package main

import (
	"time"

	"fastgate/benchmarks/internal/netpoll"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const longest = int64(time.Minute / time.Microsecond)

// histogram records microseconds from 1 us to 60 s with three digits.
type histogram struct{ *hdrhistogram.Histogram }

func newHistogram() histogram { return histogram{hdrhistogram.New(1, longest, 3)} }

// record takes nanoseconds. What is longer than a minute counts as a minute.
func (h histogram) record(nanoseconds int64) {
	microseconds := (max(nanoseconds, 0) + 500) / 1000
	if err := h.RecordValue(min(microseconds, longest)); err != nil {
		panic(err) // the value is in the histogram's range
	}
}

// figures are what one loop saw in the measured phase.
type figures struct {
	requests, bytes                     int64
	chunks, lost, reordered, duplicated int64
	reconnects                          int64
	errors                              map[string]int64
	latency, ttft, gap, transit, lag    histogram
	used                                netpoll.Usage // of the loop's thread
}

func newFigures() *figures {
	return &figures{
		errors:  map[string]int64{},
		latency: newHistogram(), ttft: newHistogram(), gap: newHistogram(),
		transit: newHistogram(), lag: newHistogram(),
	}
}

func (f *figures) account(c change) {
	f.lost += c.lost
	f.reordered += c.reordered
	f.duplicated += c.duplicated
}

// merge adds another loop's figures.
func (f *figures) merge(other *figures) {
	f.requests += other.requests
	f.bytes += other.bytes
	f.chunks += other.chunks
	f.account(change{other.lost, other.reordered, other.duplicated})
	f.reconnects += other.reconnects
	for name, n := range other.errors {
		f.errors[name] += n
	}
	f.latency.Merge(other.latency.Histogram)
	f.ttft.Merge(other.ttft.Histogram)
	f.gap.Merge(other.gap.Histogram)
	f.transit.Merge(other.transit.Histogram)
	f.lag.Merge(other.lag.Histogram)
	f.used.Run += other.used.Run
	f.used.Wait += other.used.Wait
}
