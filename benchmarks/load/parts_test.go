package main

import (
	"encoding/json"
	"math"
	"math/rand"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"fastgate/benchmarks/internal/netpoll"

	"github.com/HdrHistogram/hdrhistogram-go"
)

func decoded(t *testing.T, text string) *hdrhistogram.Histogram {
	t.Helper()
	histogram, err := hdrhistogram.Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return histogram
}

func TestMergedHistogramsAreOne(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	one, parts := newFigures(), []*figures{newFigures(), newFigures(), newFigures()}
	for i := range 30_000 {
		value := int64(math.Exp(random.Float64()*18)) * 1000
		one.latency.record(value)
		parts[i%3].latency.record(value)
	}
	merged := newFigures()
	for _, part := range parts {
		part.errors["short_body"]++
		part.requests += 5
		merged.merge(part)
	}
	if !merged.latency.Equals(one.latency.Histogram) {
		t.Fatal("three histograms merged are not the one")
	}
	if merged.errors["short_body"] != 3 || merged.requests != 15 {
		t.Fatalf("%+v", merged)
	}
}

func TestHistogramRange(t *testing.T) {
	h := newHistogram()
	for _, nanoseconds := range []int64{-5, 0, 1499, int64(time.Hour)} {
		h.record(nanoseconds)
	}
	if h.TotalCount() != 4 || h.Min() != 0 || h.ValueAtPercentile(75) != 1 || h.Max() < longest*999/1000 {
		t.Fatalf("min %d, p75 %d, max %d", h.Min(), h.ValueAtPercentile(75), h.Max())
	}
}

func TestPace(t *testing.T) {
	p := &pace{first: 1000, interval: 10, end: 1035, limit: 2}
	if _, ok := p.advance(999); ok || p.pending() {
		t.Fatal("due before its time")
	}
	for _, want := range []int64{1000, 1010, 1020, 1030} {
		if got, ok := p.advance(5000); !ok || got != want {
			t.Fatalf("%d, not %d", got, want)
		}
	}
	if _, ok := p.advance(5000); ok || p.next() != netpoll.Forever {
		t.Fatal("goes on behind its end")
	}
	if !p.overflows() || p.take() != 1000 || p.take() != 1010 || p.overflows() || p.take() != 1020 || p.take() != 1030 ||
		p.pending() {
		t.Fatal("pending sends are not in order")
	}
}

func TestPaceKeepsItsRate(t *testing.T) {
	p := &pace{interval: 1e9 / 3000.0, end: math.MaxInt64}
	if got := p.intended(3000 * 3600); got != int64(time.Hour) {
		t.Fatalf("%d after an hour", got)
	}
}

func TestReport(t *testing.T) {
	o := &options{connections: 2, duration: 2 * time.Second}
	f := newFigures()
	f.requests, f.used = 10, netpoll.Usage{Run: int64(time.Second), Wait: int64(960 * time.Millisecond)}
	f.latency.record(int64(3 * time.Millisecond))
	r, err := newReport(o, []*figures{f, newFigures()}, map[int]*tree{7: {UserS: 1.5}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"mode":"closed"`, `"rps":5`, `"errors":{}`, `"latency_us":{"count":1,"p50":3001,`, `"saturated":true`,
		`"saturated_why":"a sending thread slept only 2 % of the time"`, `"generator_cpu_s":1,`,
		`"trees":{"7":{"user_s":1.5,`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if decoded(t, r.HDR["latency"]).TotalCount() != 1 || decoded(t, r.HDR["gap"]).TotalCount() != 0 {
		t.Error("histograms differ from their encodings")
	}
}

func TestSaturation(t *testing.T) {
	if reasons := saturation(1000, 0.9); reasons != nil {
		t.Fatalf("%v", reasons)
	}
	if reasons := saturation(1001, 0.95); len(reasons) != 2 {
		t.Fatalf("%v", reasons)
	}
}

func TestTreeHasDescendants(t *testing.T) {
	command := exec.Command("sh", "-c", "sleep 60 & while :; do :; done")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, pid := range members(processTable(), command.Process.Pid) {
			process, err := os.FindProcess(pid)
			if err == nil {
				err = process.Kill()
			}
			if err != nil {
				t.Error(err)
			}
		}
		command.Wait() // its error says that we killed it
	}()
	now := netpoll.Now()
	when := phases{start: now, begin: now + int64(200*time.Millisecond), end: now + int64(1500*time.Millisecond)}
	trees, err := watch([]int{command.Process.Pid}, when)
	if err != nil {
		t.Fatal(err)
	}
	tree := trees[command.Process.Pid]
	if tree.UserS+tree.SystemS < 0.05 || tree.PSSPeak < tree.PSSEnd || tree.PSSBegin == 0 {
		t.Fatalf("%+v", tree)
	}
	if found := members(processTable(), command.Process.Pid); len(found) != 2 {
		t.Fatalf("%v", found)
	}
}

func TestTreeThatIsGone(t *testing.T) {
	if _, err := watch([]int{1 << 30}, phases{}); err == nil {
		t.Fatal("no process has this id")
	}
}

func TestParseStat(t *testing.T) {
	got, ok := parseStat([]byte("42 (a) b (c) S 7 42 42 0 -1 4194560 100 0 0 0 11 12 13 14 20 0 1 0"))
	if !ok || got != (process{parent: 7, user: 24, system: 26}) {
		t.Fatalf("%+v", got)
	}
	if _, ok := parseStat(nil); ok {
		t.Fatal("an empty line is a process")
	}
}

func TestBadUse(t *testing.T) {
	for _, arguments := range [][]string{
		{}, {"-url", "https://127.0.0.1/"}, {"-url", "http://h/", "x"}, {"-url", "http://h/", "-mode", "both"},
		{"-url", "http://h/", "-mode", "open"}, {"-url", "http://h/", "-rate", "5"}, {"-url", "http://h/", "-streams", "5"},
		{"-url", "http://h/", "-connections", "0"}, {"-url", "http://h/", "-procs", "2"}, {"-url", "http://h/", "-tree", "x"},
		{"-url", "http://h/", "-header", "x"}, {"-url", "http://h/", "-duration", "0s"}, {"-url", "http://h/", "-keys", "/dev/null"},
		{"-url", "http://h/", "-body", "/nowhere"},
	} {
		if _, err := parse(arguments); err == nil {
			t.Errorf("%q is accepted", arguments)
		}
	}
}
