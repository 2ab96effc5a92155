package main

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

func TestAConnectionThatWasClosedInBetweenIsReplaced(t *testing.T) {
	var connections atomic.Int32
	h := start(t, func(w http.ResponseWriter, _ *http.Request) {
		// Closed behind the answer, which does not say so.
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			connections.Add(1)
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
			conn.Close()
		}
	}, "")
	for range 3 {
		if response, body := h.post(question); response.StatusCode != 200 || response.Header.Get("X-Reference-Attempts") != "" {
			t.Fatalf("%d, %s", response.StatusCode, body)
		}
	}
	if connections.Load() != 3 {
		t.Errorf("%d connections", connections.Load())
	}
}

func TestMetricsAndUnknownPaths(t *testing.T) {
	h := start(t, answering(200, wholeAnswer), "")
	h.post(question)
	for path, want := range map[string]string{
		metricsPath: `reference_requests_total{deployment="first/bench",status="200"}`,
		"/other":    "unknown_path",
		chatPath:    "method_not_allowed",
	} {
		response, err := http.Get(h.url + path)
		fatal(t, err)
		body, err := io.ReadAll(response.Body)
		fatal(t, err)
		response.Body.Close()
		if !strings.Contains(string(body), want) {
			t.Errorf("%s: %.300s", path, body)
		}
	}
}
