package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const secret = "sk-test-0123456789"

const wholeAnswer = `{"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,"message":` +
	`{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":200,` +
	`"completion_tokens":160,"prompt_tokens_details":{"cached_tokens":100}}}`

// A harness is a gateway that runs, and what it leaves behind. net/http is on both sides of it.
type harness struct {
	t         *testing.T
	url       string
	directory string
	gateway   *gateway
	provider  *httptest.Server
	stop      func()
}

var testTimers = timers{connect: time.Second, answer: 400 * time.Millisecond, silence: 400 * time.Millisecond}

// start runs a gateway in front of a provider, for one key of which more may be said in JSON.
func start(t *testing.T, provider http.HandlerFunc, about string) *harness {
	t.Helper()
	upstream := httptest.NewServer(provider)
	t.Cleanup(upstream.Close)
	directory := t.TempDir()
	ring := keysOf(t, keyFile(secret, about))
	table, err := newRoutes(upstream.URL, testTimers)
	fatal(t, err)
	j, err := openJournal(filepath.Join(directory, "journal"), 1<<20)
	fatal(t, err)
	lines, err := openLineWriter(filepath.Join(directory, "requests.log"))
	fatal(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	fatal(t, err)
	g := newGateway(ring, table, j, lines)
	server := newServer(g)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	h := &harness{t: t, url: "http://" + listener.Addr().String(), directory: directory, gateway: g, provider: upstream}
	stopped := false
	h.stop = func() {
		if stopped {
			return
		}
		stopped = true
		http.DefaultClient.CloseIdleConnections()
		fatal(t, server.Shutdown())
		fatal(t, <-ended)
		fatal(t, j.close())
		fatal(t, lines.close())
	}
	t.Cleanup(h.stop)
	return h
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func keyFile(secret, about string) string {
	hash := sha256.Sum256([]byte(secret))
	return fmt.Sprintf(`{"hash":"%s","key":"vk_1","customer":"c","team":"t"%s}`+"\n", hex.EncodeToString(hash[:]), about)
}

func keysOf(t *testing.T, lines string) *keyring {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	fatal(t, os.WriteFile(path, []byte(lines), 0o600))
	ring, err := loadKeys(path)
	fatal(t, err)
	return ring
}

// post asks for a chat completion, and returns the answer with its whole body.
func (h *harness) post(body string) (*http.Response, string) {
	h.t.Helper()
	return h.postAs("Bearer "+secret, body)
}

func (h *harness) postAs(authorization, body string) (*http.Response, string) {
	h.t.Helper()
	request, err := http.NewRequest(http.MethodPost, h.url+chatPath, strings.NewReader(body))
	fatal(h.t, err)
	request.Header.Set("Authorization", authorization)
	response, err := http.DefaultClient.Do(request)
	fatal(h.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	fatal(h.t, err)
	return response, string(text)
}

// refused checks an error's status, code and shape.
func (h *harness) refused(response *http.Response, body string, status int, code string) {
	h.t.Helper()
	var read struct {
		Error map[string]any `json:"error"`
	}
	fatal(h.t, json.Unmarshal([]byte(body), &read))
	if response.StatusCode != status || read.Error["code"] != code {
		h.t.Fatalf("%d, %s", response.StatusCode, body)
	}
	for _, field := range []string{"message", "type", "param", "code"} {
		if _, ok := read.Error[field]; !ok {
			h.t.Errorf("no %s in %s", field, body)
		}
	}
}

// logged stops the gateway and returns the lines of its log.
func (h *harness) logged() []map[string]any {
	h.t.Helper()
	h.stop()
	text, err := os.ReadFile(filepath.Join(h.directory, "requests.log"))
	fatal(h.t, err)
	var lines []map[string]any
	for line := range bytes.Lines(text) {
		var read map[string]any
		fatal(h.t, json.Unmarshal(line, &read))
		lines = append(lines, read)
	}
	return lines
}

func (h *harness) entries() [][]byte {
	h.stop()
	return readJournal(h.t, filepath.Join(h.directory, "journal"))
}

func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// sendEvents writes each event in a chunk of its own.
func sendEvents(w http.ResponseWriter, events ...string) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	for _, event := range events {
		io.WriteString(w, event)
		w.(http.Flusher).Flush()
	}
}
