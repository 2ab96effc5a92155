package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestClosedLoop(t *testing.T) {
	target := serve(t, func(conn net.Conn, _ string) bool { return answer(conn, fine) })
	r := load(t, target, func(o *options) { o.connections, o.procs = 5, 2 })
	none(t, r)
	if r.Latency.Count != r.Requests || r.Latency.P50 <= 0 || r.Bytes != r.Requests*int64(len(fine)) {
		t.Fatalf("%+v", r)
	}
}

func TestChunkedAnswersOfNetHTTP(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 3 {
			fmt.Fprint(w, strings.Repeat("x", 1000))
			w.(http.Flusher).Flush()
		}
	}))
	defer server.Close()
	none(t, load(t, server.URL, func(o *options) { o.connections = 4 }))
}

// While the server stalls for a second, sends stay intended, and each latency counts from its intention.
func TestOpenLoopShowsAStall(t *testing.T) {
	const rate = 400
	var gate sync.RWMutex
	var stall sync.Once
	begun := time.Now()
	target := serve(t, func(conn net.Conn, _ string) bool {
		if time.Since(begun) > 500*time.Millisecond {
			stall.Do(func() {
				gate.Lock()
				time.AfterFunc(time.Second, gate.Unlock)
			})
		}
		gate.RLock()
		defer gate.RUnlock()
		return answer(conn, fine)
	})
	r := load(t, target, func(o *options) {
		open(rate)(o)
		o.connections, o.duration = 4, 2*time.Second
	})
	none(t, r)
	if r.Requests != 2*rate {
		t.Fatalf("%d requests", r.Requests)
	}
	// Half of the sends fall into the stall, and their latencies spread evenly from 1 s down to 0.
	for percentile, want := range map[float64]int64{60: 200_000, 75: 500_000, 90: 800_000} {
		got := decoded(t, r.HDR["latency"]).ValueAtPercentile(percentile)
		if got < want-150_000 || got > want+150_000 {
			t.Errorf("p%v is %d us", percentile, got)
		}
	}
	if r.Latency.Max < 900_000 {
		t.Errorf("max is %d us", r.Latency.Max)
	}
}

func TestOpenLoopWaitsForLateAnswers(t *testing.T) {
	target := serve(t, func(conn net.Conn, _ string) bool {
		time.Sleep(200 * time.Millisecond) // the delay of the answer is what is tested
		return answer(conn, fine)
	})
	r := load(t, target, func(o *options) {
		open(50)(o)
		o.connections = 30
	})
	none(t, r)
	if r.Requests != 15 || r.Latency.P50 < 200_000 {
		t.Fatalf("%d requests, p50 %d us", r.Requests, r.Latency.P50)
	}
}

func TestErrors(t *testing.T) {
	var calls atomic.Int64
	for name, handle := range map[string]func(net.Conn, string) bool{
		"short_body": func(conn net.Conn, _ string) bool {
			answer(conn, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nearly")
			return false
		},
		"no_response":  func(net.Conn, string) bool { return false },
		"bad_response": func(conn net.Conn, _ string) bool { return answer(conn, "what?\r\n\r\n") },
		"status_429": func(conn net.Conn, _ string) bool {
			if calls.Add(1)%3 == 0 {
				return answer(conn, "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n")
			}
			return answer(conn, fine)
		},
		"timeout": func(net.Conn, string) bool { return true },
	} {
		t.Run(name, func(t *testing.T) {
			only(t, load(t, serve(t, handle), func(o *options) { o.timeout = 200 * time.Millisecond }), name)
			r := load(t, serve(t, handle), func(o *options) {
				open(100)(o)
				o.timeout = 200 * time.Millisecond
			})
			only(t, r, name)
			if r.Requests+r.Errors[name] != 30 {
				t.Fatalf("%d requests and %v of 30", r.Requests, r.Errors)
			}
		})
	}
	t.Run("share of 429", func(t *testing.T) {
		handle := func(conn net.Conn, _ string) bool {
			if calls.Add(1)%3 == 0 {
				return answer(conn, "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n")
			}
			return answer(conn, fine)
		}
		calls.Store(0)
		r := load(t, serve(t, handle), nil)
		if got := r.Errors["status_429"]; got*2 < r.Requests-2 || got*2 > r.Requests+2 {
			t.Fatalf("%d refused, %d answered", got, r.Requests)
		}
	})
}

func TestNobodyListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target := "http://" + listener.Addr().String()
	listener.Close()
	r := load(t, target, nil)
	only(t, r, "connect")
}

func TestConnectionsThatEndAreReplaced(t *testing.T) {
	for name, text := range map[string]string{
		"said":      "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
		"until end": "HTTP/1.1 200 OK\r\n\r\nok",
	} {
		t.Run(name, func(t *testing.T) {
			target := serve(t, func(conn net.Conn, _ string) bool {
				answer(conn, text)
				return false
			})
			r := load(t, target, nil)
			none(t, r)
			if r.Reconnects == 0 {
				t.Fatal("no connection was replaced")
			}
		})
	}
}

func TestKeysInTurn(t *testing.T) {
	var mutex sync.Mutex
	var seen []string
	target := serve(t, func(conn net.Conn, request string) bool {
		_, key, _ := strings.Cut(request, "authorization: Bearer ")
		key, _, _ = strings.Cut(key, "\r\n")
		mutex.Lock()
		seen = append(seen, key)
		mutex.Unlock()
		return answer(conn, fine)
	})
	o, err := parse([]string{"-url", target, "-keys", write(t, "sk-1", "sk-long-2", "sk-3"), "-header", "x-a: b"})
	if err != nil {
		t.Fatal(err)
	}
	none(t, load(t, target, func(short *options) { short.keys, short.headers = o.keys, o.headers }))
	mutex.Lock()
	defer mutex.Unlock()
	for i, key := range seen {
		if want := []string{"sk-1", "sk-long-2", "sk-3"}[i%3]; key != want {
			t.Fatalf("request %d has %q, not %q", i, key, want)
		}
	}
}

func TestTheGeneratorKnowsItsOwnLimit(t *testing.T) {
	target := serve(t, func(conn net.Conn, _ string) bool { return answer(conn, fine) })
	r := load(t, target, func(o *options) {
		open(3e6)(o)
		o.connections, o.timeout = 8, time.Millisecond
	})
	if !r.Saturated || r.SaturatedWhy == "" || r.Errors["queue_full"] == 0 {
		t.Fatalf("saturated: %v %q, errors: %v", r.Saturated, r.SaturatedWhy, r.Errors)
	}
}

func TestNoAllocationPerRequest(t *testing.T) {
	reply := []byte(fine)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for buffer := make([]byte, 4096); err == nil; {
			if _, err = conn.Read(buffer); err == nil {
				_, err = conn.Write(reply)
			}
		}
	}()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := load(t, "http://"+listener.Addr().String(), nil)
	runtime.ReadMemStats(&after)
	none(t, r)
	const ofTheRun = 2000
	if allocations := after.Mallocs - before.Mallocs; allocations > ofTheRun || r.Requests < ofTheRun/2 {
		t.Fatalf("%d allocations for %d requests", allocations, r.Requests)
	}
}
