package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

type message struct {
	status int
	body   string
}

// decode feeds pieces and returns the messages that ended.
func decode(decoder *Decoder, pieces ...string) ([]message, error) {
	var messages []message
	var body bytes.Buffer
	for _, piece := range pieces {
		for rest := []byte(piece); len(rest) > 0; {
			part, after, done, err := decoder.Step(rest)
			if err != nil {
				return messages, err
			}
			body.Write(part)
			if done {
				messages = append(messages, message{decoder.Status, body.String()})
				body.Reset()
			}
			rest = after
		}
	}
	return messages, nil
}

// Two responses on one connection, with everything that chunked coding may have.
const responses = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n" +
	"5\r\nhello\r\nA;name=\"v\"\r\n, world\r\n!\r\n0c \r\n and more it\r\n0\r\nTrailer: a\r\nOther: b\r\n\r\n" +
	"HTTP/1.1 100 Continue\r\n\r\n" +
	"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 3\r\n\r\nno!" +
	"HTTP/1.1 204 No Content\r\n\r\n" +
	"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n"

func TestEverySplit(t *testing.T) {
	want := []message{{200, "hello, world\r\n! and more it"}, {429, "no!"}, {204, ""}, {200, ""}}
	for split := 0; split <= len(responses); split++ {
		var decoder Decoder
		got, err := decode(&decoder, responses[:split], responses[split:])
		if err != nil || len(got) != len(want) || !decoder.Close {
			t.Fatalf("split at %d: %v, %v", split, got, err)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("split at %d: %v", split, got)
			}
		}
	}
}

func TestByteByByte(t *testing.T) {
	var decoder Decoder
	got, err := decode(&decoder, strings.Split(responses, "")...)
	if err != nil || len(got) != 4 || decoder.Begun() {
		t.Fatalf("%v, %v", got, err)
	}
}

func TestAgreesWithNetHTTP(t *testing.T) {
	reader := bufio.NewReader(strings.NewReader(responses))
	var decoder Decoder
	got, err := decode(&decoder, responses)
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range got {
		response, err := http.ReadResponse(reader, nil)
		if err == nil && response.StatusCode == 100 {
			response, err = http.ReadResponse(reader, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || string(body) != message.body || response.StatusCode != message.status {
			t.Fatalf("%d %q, not %v (%v)", response.StatusCode, body, message, err)
		}
	}
}

func TestRequests(t *testing.T) {
	const requests = "GET /stats HTTP/1.1\r\nhost: a\r\n\r\nPOST /v1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
	for split := 0; split <= len(requests); split++ {
		var decoder Decoder
		decoder.Requests()
		got, err := decode(&decoder, requests[:split], requests[split:])
		if err != nil || len(got) != 2 || got[1].body != "{}" || string(decoder.Start) != "POST /v1 HTTP/1.1" {
			t.Fatalf("split at %d: %v, %v", split, got, err)
		}
	}
}

func TestEndsAtClose(t *testing.T) {
	var decoder Decoder
	messages, err := decode(&decoder, "HTTP/1.1 200 OK\r\n\r\nsome", "thing")
	if err != nil || len(messages) != 0 || !decoder.EndsAtClose() || !decoder.Close {
		t.Fatalf("%v, %v", messages, err)
	}
	decoder.Reset()
	if decoder.Begun() || decoder.EndsAtClose() {
		t.Fatal("a new connection goes on with the old message")
	}
}

func TestMalformed(t *testing.T) {
	const chunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, text := range []string{
		"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: one\r\n\r\n",
		chunkedHead + "\r\n", chunkedHead + "x\r\n", chunkedHead + "2\r\nabc", chunkedHead + "fffffffffffff\r\n",
		"HTTP/1.1 200 OK\r\nx: " + strings.Repeat("y", maxHead),
	} {
		var decoder Decoder
		if got, err := decode(&decoder, text); err == nil {
			t.Errorf("%.60q: %v", text, got)
		}
	}
}

func TestNoAllocationPerMessage(t *testing.T) {
	var decoder Decoder
	data := []byte(responses)
	perRun := testing.AllocsPerRun(100, func() {
		for rest := data; len(rest) > 0; {
			_, after, _, err := decoder.Step(rest)
			if err != nil {
				t.Fatal(err)
			}
			rest = after
		}
	})
	if perRun != 0 {
		t.Fatalf("%v allocations", perRun)
	}
}
