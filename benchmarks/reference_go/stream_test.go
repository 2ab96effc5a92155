package main

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	roleEvent  = `data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}` + "\n\n"
	endEvent   = `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}` + "\n\n"
	usageEvent = `data: {"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":20}}` + "\n\n"
	doneEvent  = "data: [DONE]\n\n"
	streamed   = `{"model":"bench","stream":true}`
	withUsage  = `{"model":"bench","stream":true,"stream_options":{"include_usage":true}}`
)

func contentEvent(n int) string {
	return fmt.Sprintf(`data: {"choices":[{"index":0,"delta":{"content":"%d "},"finish_reason":null}],"usage":null}`, n) + "\n\n"
}

func contents(n int) (events []string) {
	for i := range n {
		events = append(events, contentEvent(i))
	}
	return events
}

func TestAStreamIsRelayedWithoutTheUsageNobodyAskedFor(t *testing.T) {
	events := append(append([]string{": hello\n\n", roleEvent}, contents(3)...), endEvent, usageEvent, doneEvent)
	all := strings.Join(events, "")
	for body, want := range map[string]string{
		streamed: strings.Replace(all, usageEvent, "", 1), withUsage: all,
		`{"model":"bench","stream":true,"stream_options":null}`:               strings.Replace(all, usageEvent, "", 1),
		`{"model":"bench","stream":true,"stream_options":{"x":1, "y": "é "}}`: strings.Replace(all, usageEvent, "", 1),
	} {
		h := start(t, func(w http.ResponseWriter, r *http.Request) {
			asked, _ := io.ReadAll(r.Body)
			if !strings.Contains(string(asked), `"include_usage":true`) {
				w.WriteHeader(400)
			}
			sendEvents(w, events...)
		}, `,"budgets":[{"id":"b","limit_nano":100000000}]`)
		if response, got := h.post(body); response.StatusCode != 200 || got != want {
			t.Fatalf("%s: %d, %s", body, response.StatusCode, got)
		}
		// 10 tokens at 0.15 and 20 at 0.60 USD for a million.
		line := h.logged()[0]
		if line["cost_nano_usd"] != 13_500. || line["estimated"] != nil || h.budget("b").used.Load() != 13_500 {
			t.Errorf("%s: %v, %d in use", body, line, h.budget("b").used.Load())
		}
	}
}

func TestNoChunkIsLostOrMovedInAnyPieces(t *testing.T) {
	const chunks = 2_000
	events := append(append([]string{roleEvent}, contents(chunks)...), endEvent, usageEvent, doneEvent)
	all := strings.Join(events, "")
	for _, size := range []int{1, 7, 100, 1_000, 5_000, 100_000} {
		h := start(t, func(w http.ResponseWriter, r *http.Request) {
			if size == 1 { // a chunk of HTTP each for the first few only
				sendEvents(w, strings.Split(all[:2_000], "")...)
				sendEvents(w, all[2_000:])
				return
			}
			for rest := all; rest != ""; {
				n := min(size, len(rest))
				sendEvents(w, rest[:n])
				rest = rest[n:]
			}
		}, "")
		_, got := h.post(streamed)
		if want := strings.Replace(all, usageEvent, "", 1); got != want {
			t.Fatalf("pieces of %d: %d bytes of %d, ending in %q", size, len(got), len(want), got[max(0, len(got)-300):])
		}
	}
}

func TestEachChunkGoesOutAsItComes(t *testing.T) {
	seen := make(chan struct{})
	h := start(t, func(w http.ResponseWriter, r *http.Request) {
		sendEvents(w, roleEvent)
		for i := range 5 {
			sendEvents(w, contentEvent(i))
			select {
			case <-seen: // only when the client has this one is the next one sent
			case <-r.Context().Done():
				return
			}
		}
		sendEvents(w, endEvent, doneEvent)
	}, "")
	response := h.open(streamed)
	defer response.Body.Close()
	buffer := make([]byte, 4096)
	got := ""
	for i := range 5 {
		for !strings.Contains(got, `"`+strconv.Itoa(i)+` "`) {
			n, err := response.Body.Read(buffer)
			fatal(t, err)
			got += string(buffer[:n])
		}
		seen <- struct{}{}
	}
}

func (h *harness) open(body string) *http.Response {
	h.t.Helper()
	request, err := http.NewRequest(http.MethodPost, h.url+chatPath, strings.NewReader(body))
	fatal(h.t, err)
	request.Header.Set("Authorization", "Bearer "+secret)
	response, err := http.DefaultClient.Do(request)
	fatal(h.t, err)
	return response
}

func TestAStreamThatFailsBeforeItsContentGoesToTheNextDeployment(t *testing.T) {
	good := []string{roleEvent, contentEvent(0), endEvent, usageEvent, doneEvent}
	for name, fails := range map[string]func(w http.ResponseWriter, r *http.Request){
		"break": func(w http.ResponseWriter, _ *http.Request) {
			sendEvents(w, roleEvent)
			panic(http.ErrAbortHandler)
		},
		"end":   func(w http.ResponseWriter, _ *http.Request) { sendEvents(w, roleEvent) },
		"error": func(w http.ResponseWriter, _ *http.Request) { sendEvents(w, `data: {"error":{}}`+"\n\n") },
		"stall": func(w http.ResponseWriter, r *http.Request) {
			sendEvents(w, roleEvent)
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if strings.Contains(string(body), "bench-bad") {
					fails(w, r)
					return
				}
				sendEvents(w, good...)
			}, `,"budgets":[{"id":"b","limit_nano":100000000}]`)
			response, got := h.post(`{"model":"bench-bad","stream":true}`)
			if response.StatusCode != 200 || got != good[0]+good[1]+good[2]+good[4] {
				t.Fatalf("%d, %s", response.StatusCode, got)
			}
			if !strings.HasSuffix(response.Header.Get("X-Reference-Attempts"), ", second/bench=ok") {
				t.Errorf("headers: %v", response.Header)
			}
			if h.logged(); h.budget("b").used.Load() != 13_500 {
				t.Errorf("%d nano-USD in use", h.budget("b").used.Load())
			}
		})
	}
}

func TestAStreamThatFailsAfterItsContentEndsWithAnError(t *testing.T) {
	for code, fails := range map[string]func(r *http.Request){
		"upstream_error":   func(*http.Request) { panic(http.ErrAbortHandler) },
		"upstream_timeout": func(r *http.Request) { <-r.Context().Done() },
	} {
		h := start(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			sendEvents(w, roleEvent, contentEvent(0), contentEvent(1))
			fails(r)
		}, "")
		_, got := h.post(streamed)
		start := roleEvent + contentEvent(0) + contentEvent(1) + `data: {"error":{`
		if !strings.HasPrefix(got, start) || !strings.Contains(got, code) || strings.Contains(got, "[DONE]") {
			t.Fatalf("%s: %s", code, got)
		}
		line := h.logged()[0]
		if line["finish"] != cut || line["estimated"] != true || line["output_tokens"] != 3. {
			t.Errorf("%s: %v", code, line)
		}
	}
}

func TestAClientThatLeavesEndsTheUpstreamCallAndIsCharged(t *testing.T) {
	left := make(chan struct{})
	h := start(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		for i := 0; r.Context().Err() == nil; i++ {
			sendEvents(w, contentEvent(i))
			time.Sleep(time.Millisecond)
		}
		close(left)
	}, `,"budgets":[{"id":"b","limit_nano":100000000}],"limits":[{"concurrent_requests":1}]`)
	response := h.open(streamed)
	_, err := io.ReadFull(response.Body, make([]byte, 200))
	fatal(t, err)
	fatal(t, response.Body.Close())
	<-left
	line := h.logged()[0]
	if line["finish"] != cancelled || line["estimated"] != true {
		t.Errorf("line: %v", line)
	}
	key := h.gateway.keys.find([]byte(secret))
	if used := key.budgets[0].used.Load(); float64(used) != line["cost_nano_usd"] || key.limits.gauges[0].now.Load() != 0 {
		t.Errorf("%d nano-USD in use, %d in flight", used, key.limits.gauges[0].now.Load())
	}
}
