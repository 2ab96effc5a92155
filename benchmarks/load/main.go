// Command load is the benchmarks' load generator for HTTP/1.1: closed loop, open loop with latencies from
// the intended send times, and streams of stamped chunks. It prints one JSON object; see
// benchmarks/README.md.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"time"

	"fastgate/benchmarks/internal/netpoll"
)

func main() {
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	var address netip.AddrPort
	if err == nil {
		address, err = resolve(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(2)
	}
	report, err := run(o, address)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(report)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func resolve(o *options) (netip.AddrPort, error) {
	port := o.target.Port()
	if port == "" {
		port = "80"
	}
	return netpoll.Resolve(net.JoinHostPort(o.target.Hostname(), port))
}

// run loads the target and returns what was seen.
func run(o *options, address netip.AddrPort) (*report, error) {
	before := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(before + o.procs) // a loop that waits keeps its place in Go's scheduler
	defer runtime.GOMAXPROCS(before)
	start := netpoll.Now()
	begin := start + int64(o.warmup)
	end := begin + int64(o.duration)
	when := phases{start, begin, end, end + int64(o.timeout)}
	failed := make(chan error, o.procs)
	figures := make([]*figures, o.procs)
	for i := range o.procs {
		loop := newLoop(o, i, address, when)
		figures[i] = loop.figures
		go func() { failed <- loop.run() }()
	}
	trees, err := watch(o.trees, when)
	for range o.procs {
		err = errors.Join(err, <-failed)
	}
	if err != nil {
		return nil, err
	}
	return newReport(o, figures, trees)
}

func sleepUntil(moment int64) { time.Sleep(time.Duration(moment - netpoll.Now())) }
