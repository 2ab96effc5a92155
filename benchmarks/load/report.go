package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	maxLag  = time.Millisecond // p99 of a generator that keeps its times
	maxBusy = 0.9              // share of the time in which a thread that is no bottleneck is not asleep
)

// summary is a distribution in microseconds.
type summary struct {
	Count int64   `json:"count"`
	P50   int64   `json:"p50"`
	P90   int64   `json:"p90"`
	P99   int64   `json:"p99"`
	P999  int64   `json:"p999"`
	Max   int64   `json:"max"`
	Mean  float64 `json:"mean"`
}

// report is the output.
type report struct {
	Mode        string           `json:"mode"`
	Connections int              `json:"connections"`
	Rate        float64          `json:"rate"`
	DurationS   float64          `json:"duration_s"`
	Requests    int64            `json:"requests"`
	Errors      map[string]int64 `json:"errors"`
	Bytes       int64            `json:"bytes"`
	RPS         float64          `json:"rps"`
	Latency     summary          `json:"latency_us"`
	TTFT        summary          `json:"ttft_us"`
	Gap         summary          `json:"gap_us"`
	Transit     summary          `json:"transit_us"`
	Chunks      int64            `json:"chunks"`
	Lost        int64            `json:"lost"`
	Reordered   int64            `json:"reordered"`
	Duplicated  int64            `json:"duplicated"`
	Reconnects  int64            `json:"reconnects"`

	Saturated     bool             `json:"saturated"`
	SaturatedWhy  string           `json:"saturated_why"`
	Lag           summary          `json:"lag_us"`
	GeneratorCPU  float64          `json:"generator_cpu_s"`
	GeneratorWait float64          `json:"generator_wait_s"`
	Trees         map[string]*tree `json:"trees"`

	HDR map[string]string `json:"hdr"`
}

func summarise(h histogram) summary {
	return summary{
		Count: h.TotalCount(),
		P50:   h.ValueAtPercentile(50),
		P90:   h.ValueAtPercentile(90),
		P99:   h.ValueAtPercentile(99),
		P999:  h.ValueAtPercentile(99.9),
		Max:   h.Max(),
		Mean:  h.Mean(),
	}
}

func newReport(o *options, loops []*figures, trees map[int]*tree) (*report, error) {
	all, busiest := newFigures(), int64(0)
	for _, each := range loops {
		all.merge(each)
		busiest = max(busiest, each.used.Run+each.used.Wait)
	}
	mode := "closed"
	if o.open {
		mode = "open"
	}
	r := &report{
		Mode: mode, Connections: o.connections, Rate: o.rate, DurationS: o.duration.Seconds(),
		Requests: all.requests, Errors: all.errors, Bytes: all.bytes,
		RPS:     float64(all.requests) / o.duration.Seconds(),
		Latency: summarise(all.latency), TTFT: summarise(all.ttft), Gap: summarise(all.gap),
		Transit: summarise(all.transit), Lag: summarise(all.lag),
		Chunks: all.chunks, Lost: all.lost, Reordered: all.reordered, Duplicated: all.duplicated,
		Reconnects:   all.reconnects,
		GeneratorCPU: time.Duration(all.used.Run).Seconds(), GeneratorWait: time.Duration(all.used.Wait).Seconds(),
		Trees: map[string]*tree{}, HDR: map[string]string{},
	}
	reasons := saturation(r.Lag.P99, float64(busiest)/float64(o.duration))
	r.Saturated, r.SaturatedWhy = len(reasons) > 0, strings.Join(reasons, "; ")
	for pid, tree := range trees {
		r.Trees[strconv.Itoa(pid)] = tree
	}
	for name, h := range map[string]histogram{
		"latency": all.latency, "ttft": all.ttft, "gap": all.gap, "transit": all.transit,
	} {
		encoded, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
		if err != nil {
			return nil, err
		}
		r.HDR[name] = string(encoded)
	}
	return r, nil
}

// saturation says why the generator, and not what it measures, may have set the figures: it sent late, or
// one of its threads hardly slept, be it for its own work or for want of a processor.
func saturation(lag int64, busy float64) (reasons []string) {
	if lag > maxLag.Microseconds() {
		reasons = append(reasons, fmt.Sprintf("1 %% of the sends left more than %d us late", lag))
	}
	if busy > maxBusy {
		reasons = append(reasons, fmt.Sprintf("a sending thread slept only %.0f %% of the time", max(1-busy, 0)*100))
	}
	return reasons
}
