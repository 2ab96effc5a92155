package main

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// serve answers every request of every connection with what handle writes; handle returns false to close.
// The requests have no body, so that one ends where its head ends.
func serve(t *testing.T, handle func(conn net.Conn, request string) bool) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		open.Wait()
	})
	open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer conn.Close()
				buffer := make([]byte, 64<<10)
				for {
					n, err := conn.Read(buffer)
					if err != nil || !handle(conn, string(buffer[:n])) {
						return
					}
				}
			})
		}
	})
	return "http://" + listener.Addr().String() + "/v1"
}

func answer(conn net.Conn, text string) bool {
	_, err := conn.Write([]byte(text))
	return err == nil
}

const fine = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

// load runs the generator with short phases.
func load(t *testing.T, target string, change func(*options)) *report {
	t.Helper()
	address, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	o := &options{
		target: address, method: http.MethodPost, connections: 1, procs: 1,
		warmup: 50 * time.Millisecond, duration: 300 * time.Millisecond, timeout: 5 * time.Second,
	}
	if change != nil {
		change(o)
	}
	if err := o.check(); err != nil {
		t.Fatal(err)
	}
	resolved, err := resolve(o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := run(o, resolved)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func open(rate float64) func(*options) {
	return func(o *options) { o.open, o.rate = true, rate }
}

// only fails unless the run had errors of one name and nothing else.
func only(t *testing.T, r *report, name string) {
	t.Helper()
	if len(r.Errors) != 1 || r.Errors[name] == 0 {
		t.Fatalf("errors: %v", r.Errors)
	}
}

func none(t *testing.T, r *report) {
	t.Helper()
	if len(r.Errors) != 0 || r.Requests == 0 {
		t.Fatalf("%d requests, errors: %v", r.Requests, r.Errors)
	}
}

func write(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
