package main

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"fastgate/benchmarks/internal/netpoll"
	"fastgate/benchmarks/internal/stamp"
)

const streamHead = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"

func chunk(seq int, sent int64) string {
	text := make([]byte, stamp.Size)
	stamp.Put(text, seq, sent)
	data := `data: {"choices":[{"delta":{"content":"` + string(text) + `"}}]}` + "\n\n"
	return fmt.Sprintf("%x\r\n%s\r\n", len(data), data)
}

// streaming serves streams of chunks with these sequence numbers.
func streaming(t *testing.T, pause time.Duration, seqs ...int) string {
	return serve(t, func(conn net.Conn, _ string) bool {
		answer(conn, streamHead)
		for i, seq := range seqs {
			if i > 0 {
				time.Sleep(pause) // the pace of the stream is what is tested
			}
			if !answer(conn, chunk(seq, netpoll.Now())) {
				return false
			}
		}
		return answer(conn, "0\r\n\r\n")
	})
}

func streams(n int) func(*options) {
	return func(o *options) { o.stream, o.streams = true, n }
}

func TestStreams(t *testing.T) {
	r := load(t, streaming(t, 20*time.Millisecond, 0, 1, 2, 3), func(o *options) {
		streams(6)(o)
		o.chunks = 4
	})
	none(t, r)
	if r.Lost+r.Reordered+r.Duplicated != 0 || r.Chunks < r.Requests*3 || r.Connections != 6 {
		t.Fatalf("%+v", r)
	}
	if r.Gap.P50 < 18_000 || r.Gap.P50 > 60_000 {
		t.Errorf("gap: %+v", r.Gap)
	}
	if r.TTFT.Count == 0 || r.TTFT.P50 >= 15_000 || r.Transit.Count != r.Chunks || r.Transit.P50 >= 15_000 {
		t.Errorf("ttft: %+v, transit: %+v", r.TTFT, r.Transit)
	}
}

func TestLostAndReordered(t *testing.T) {
	for name, each := range map[string]struct {
		seqs []int
		want change
	}{
		"middle":     {[]int{0, 1, 4, 5}, change{lost: 2}},
		"first":      {[]int{1, 2, 3, 4, 5}, change{lost: 1}},
		"tail":       {[]int{0, 1, 2}, change{lost: 3}},
		"all":        {nil, change{lost: 6}},
		"swapped":    {[]int{0, 2, 1, 3, 4, 5}, change{reordered: 1}},
		"duplicated": {[]int{0, 1, 1, 2, 3, 4, 5}, change{duplicated: 1}},
		"hidden":     {[]int{0, 1, 1, 3, 4, 5}, change{lost: 1, duplicated: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			r := load(t, streaming(t, 0, each.seqs...), func(o *options) {
				open(20)(o) // whole streams only
				o.stream, o.chunks = true, 6
			})
			none(t, r)
			got := change{r.Lost, r.Reordered, r.Duplicated}
			want := change{each.want.lost * r.Requests, each.want.reordered * r.Requests, each.want.duplicated * r.Requests}
			if got != want {
				t.Fatalf("%+v, not %+v, of %d streams", got, want, r.Requests)
			}
		})
	}
}

func TestStreamThatBreaks(t *testing.T) {
	target := serve(t, func(conn net.Conn, _ string) bool {
		answer(conn, streamHead+chunk(0, netpoll.Now()))
		return false
	})
	only(t, load(t, target, streams(2)), "short_body")
}

func TestStreamThatFallsSilent(t *testing.T) {
	target := serve(t, func(conn net.Conn, _ string) bool {
		return answer(conn, streamHead+chunk(0, netpoll.Now()))
	})
	r := load(t, target, func(o *options) {
		streams(2)(o)
		o.timeout = 100 * time.Millisecond
	})
	only(t, r, "timeout")
}

func TestSequence(t *testing.T) {
	var s sequence
	total := change{}
	for _, seq := range []int64{100, 0, 99, 37, 36, 99, 200} {
		c := s.take(seq)
		total = change{total.lost + c.lost, total.reordered + c.reordered, total.duplicated + c.duplicated}
	}
	// 0 and 36 are older than what is remembered one by one, 99 comes twice.
	want := change{lost: 100 - 2 + 99, reordered: 2, duplicated: 3}
	if total != want {
		t.Fatalf("%+v, not %+v", total, want)
	}
	if lost := s.end(203).lost; lost != 2 {
		t.Fatalf("%d lost at the end", lost)
	}
}

func TestStatusOfAStream(t *testing.T) {
	target := serve(t, func(conn net.Conn, _ string) bool {
		return answer(conn, strings.Replace(fine, "200 OK", "503 Busy", 1))
	})
	only(t, load(t, target, streams(1)), "status_503")
}
