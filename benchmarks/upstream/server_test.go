package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"fastgate/benchmarks/internal/netpoll"
	"fastgate/benchmarks/internal/stamp"

	"golang.org/x/sys/unix"
)

// start serves until the test process ends.
func start(t *testing.T) string {
	t.Helper()
	address, err := netpoll.Resolve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := netpoll.Listen(address, false)
	if err != nil {
		t.Fatal(err)
	}
	bound, err := unix.Getsockname(listener)
	if err != nil {
		t.Fatal(err)
	}
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1) // a loop that waits keeps its place in Go's scheduler
	go func() {
		runtime.LockOSThread()
		s, err := newServer(listener, &counters{})
		if err == nil {
			err = s.serve()
		}
		panic(err)
	}()
	local := net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: bound.(*unix.SockaddrInet4).Port}
	return local.String()
}

func post(t *testing.T, address, path, body string) *http.Response {
	t.Helper()
	response, err := http.Post("http://"+address+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

func readAll(t *testing.T, response *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

type arrival struct{ seq, sent, at int64 }

// arrivals reads a stream's stamps until its end.
func arrivals(reader io.Reader) (seen []arrival, err error) {
	var scanner stamp.Scanner
	buffer := make([]byte, 4096)
	for {
		n, err := reader.Read(buffer)
		now := netpoll.Now()
		for rest := buffer[:n]; ; {
			seq, sent, after, found := scanner.Next(rest)
			if !found {
				break
			}
			seen = append(seen, arrival{seq, sent, now})
			rest = after
		}
		if err == io.EOF {
			return seen, nil
		}
		if err != nil {
			return seen, err
		}
	}
}

func inOrder(t *testing.T, seen []arrival, want int) {
	t.Helper()
	if len(seen) != want {
		t.Fatalf("%d chunks, not %d", len(seen), want)
	}
	for i, each := range seen {
		if each.seq != int64(i) || each.sent > each.at {
			t.Fatalf("chunk %d: %+v", i, each)
		}
	}
}

func TestWholeAnswers(t *testing.T) {
	address := start(t)
	for path, member := range map[string]string{"/v1/chat/completions": "choices", "/v1/messages?beta=true": "content"} {
		response := post(t, address, path, `{"model":"bench"}`)
		var answer map[string]any
		if err := json.Unmarshal([]byte(readAll(t, response)), &answer); err != nil || answer[member] == nil {
			t.Errorf("%s: %v, %v", path, answer, err)
		}
	}
	for path, body := range map[string]string{"/v1/chat/completions": `{"model":"gpt"}`, "/v1/nothing": `{"model":"bench"}`} {
		if response := post(t, address, path, body); response.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, response.Status)
		}
	}
}

func TestPacedStream(t *testing.T) {
	address := start(t)
	for _, path := range []string{"/v1/chat/completions", "/v1/messages"} {
		begun := netpoll.Now()
		seen, err := arrivals(post(t, address, path, `{"model":"bench-stream-11x50","stream":true}`).Body)
		if err != nil {
			t.Fatal(err)
		}
		inOrder(t, seen, 11)
		if took := seen[10].sent - seen[0].sent; took < int64(190*time.Millisecond) || took > int64(400*time.Millisecond) {
			t.Errorf("10 pauses of 20 ms took %v", time.Duration(took))
		}
		if first := seen[0].sent - begun; first > int64(100*time.Millisecond) {
			t.Errorf("the first chunk came after %v", time.Duration(first))
		}
	}
}

func TestQuickStreamAndUsage(t *testing.T) {
	address := start(t)
	body := readAll(t, post(t, address, "/v1/chat/completions", `{"model":"bench","stream":true,"stream_options":{"include_usage":true}}`))
	seen, err := arrivals(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	inOrder(t, seen, 40)
	if !strings.Contains(body, `"total_tokens":360`) || !strings.HasSuffix(body, "data: [DONE]\n\n") {
		t.Error(body[len(body)-200:])
	}
}

func TestDelay(t *testing.T) {
	address := start(t)
	begun := time.Now()
	response := post(t, address, "/v1/messages", `{"model":"bench-delay-60"}`)
	if took := time.Since(begun); response.StatusCode != http.StatusOK || took < 60*time.Millisecond {
		t.Fatalf("%s after %v", response.Status, took)
	}
}

func TestCut(t *testing.T) {
	address := start(t)
	seen, err := arrivals(post(t, address, "/v1/chat/completions", `{"model":"bench-cut-5","stream":true}`).Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("ended with %v", err)
	}
	inOrder(t, seen, 5)
	whole := post(t, address, "/v1/chat/completions", `{"model":"bench-cut-5"}`)
	if _, err := io.ReadAll(whole.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("ended with %v", err)
	}
}

func TestRefusalsAndStats(t *testing.T) {
	address := start(t)
	for n := 1; n <= 4; n++ {
		response := post(t, address, "/v1/chat/completions", `{"model":"bench-429-50","stream":true}`)
		readAll(t, response)
		if refused := response.StatusCode == http.StatusTooManyRequests; refused != (n%2 == 0) {
			t.Fatalf("call %d: %s", n, response.Status)
		} else if refused && response.Header.Get("retry-after") != "0" {
			t.Fatalf("%v", response.Header)
		}
	}
	response, err := http.Get("http://" + address + "/stats")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	const want = `{"requests":4,"streams":2,"chunks":80,"refused":2,"late":0}`
	if got := readAll(t, response); got != want {
		t.Fatal(got)
	}
}

// Requests as a gateway may send them: at any split, chunked, big, one after another.
func TestRequestsAtEverySplit(t *testing.T) {
	address := start(t)
	requests := "POST /v1/messages HTTP/1.1\r\ncontent-length: 17\r\n\r\n{\"model\":\"bench\"}" +
		"POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\na\r\n{\"model\":\"\r\n7\r\nbench\"}\r\n0\r\n\r\n"
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	reader := bufio.NewReader(conn)
	for split := 1; split < len(requests); split++ {
		for _, part := range []string{requests[:split], requests[split:]} {
			if _, err := io.WriteString(conn, part); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			response, err := http.ReadResponse(reader, nil)
			if err != nil || response.StatusCode != http.StatusOK {
				t.Fatalf("split at %d: %v, %v", split, response, err)
			}
			readAll(t, response)
		}
	}
}

func TestBigRequest(t *testing.T) {
	address := start(t)
	body := `{"messages":"` + strings.Repeat("x", 3<<20) + `","model":"bench"}`
	for range 2 {
		if response := post(t, address, "/v1/messages", body); response.StatusCode != http.StatusOK {
			t.Fatal(response.Status)
		}
	}
}

// A reader who stops is written to when it goes on; nothing is lost.
func TestSlowReader(t *testing.T) {
	address := start(t)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	const chunks = 40_000
	body := `{"model":"bench-stream-40000x100000000","stream":true}`
	request := fmt.Sprintf("POST /v1/chat/completions HTTP/1.1\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s", len(body), body)
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // not reading is what is tested
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := arrivals(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	inOrder(t, seen, chunks)
	if n, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("%d bytes and %v behind the answer", n, err)
	}
}

func TestMalformedRequestsEndTheConnection(t *testing.T) {
	address := start(t)
	for _, request := range []string{
		"POST /v1/messages HTTP/1.1\r\ncontent-length: x\r\n\r\n",
		"POST /v1/messages HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		if answer, _ := io.ReadAll(conn); !bytes.Equal(answer, nil) {
			t.Errorf("%q: %q", request, answer)
		}
		conn.Close()
	}
}
