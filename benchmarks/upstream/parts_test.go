package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"fastgate/benchmarks/internal/stamp"
)

func TestRead(t *testing.T) {
	for body, want := range map[string]question{
		`{"model":"bench","stream":true,"stream_options":{"include_usage":true}}`:                    {[]byte("bench"), true, true},
		"{\"stream\" : false,\n \"model\" :\t\"bench-429-3\", \"stream_options\":null}":              {[]byte("bench-429-3"), false, false},
		`{"messages":[{"content":"\"model\":\"no\",\"stream\":true"}],"model":"bench"}`:              {[]byte("bench"), false, false},
		`{"messages":[{"content":"` + strings.Repeat("x", 50_000) + `"}],"model":"b","stream":true}`: {[]byte("b"), true, false},
		`{"model":"b","stream":true,"messages":[{"content":"` + strings.Repeat("x", 50_000) + `"}]}`: {[]byte("b"), true, false},
		`{"model":5}`: {}, ``: {}, `"model"`: {},
	} {
		one := whole([]byte(body))
		for _, size := range []int{1, 7, 4096, 5000, len(body) + 1} {
			var pieces ends
			for rest := []byte(body); len(rest) > 0; rest = rest[min(size, len(rest)):] {
				pieces.add(rest[:min(size, len(rest))])
			}
			for _, each := range []ends{one, pieces} {
				got := read(each.front, each.back)
				if !bytes.Equal(got.model, want.model) || got.stream != want.stream || got.usage != want.usage {
					t.Errorf("%.60s in pieces of %d: %s %v %v", body, size, got.model, got.stream, got.usage)
				}
			}
		}
	}
}

func TestBehave(t *testing.T) {
	for model, want := range map[string]behaviour{
		"bench":               {chunks: 40},
		"bench-delay-250":     {chunks: 40, delay: int64(250 * time.Millisecond)},
		"bench-stream-100x40": {chunks: 100, interval: int64(25 * time.Millisecond)},
		"bench-429-30":        {chunks: 40, refused: 30},
		"bench-cut-0":         {cut: true},
		"bench-cut-7":         {chunks: 7, cut: true},
	} {
		if got, ok := behave([]byte(model)); !ok || got != want {
			t.Errorf("%s: %+v", model, got)
		}
	}
	for _, model := range []string{
		"", "gpt-4o", "bench-", "bench-x", "bench-delay-", "bench-delay-1s", "bench-stream-5", "bench-stream-0x5",
		"bench-stream-5x0", "bench-stream-1000000x5", "bench-429-101", "bench-429--1", "bench-cut-99999999999999999999",
	} {
		if got, ok := behave([]byte(model)); ok {
			t.Errorf("%s: %+v", model, got)
		}
	}
}

func TestRefusalsAreSpreadEvenly(t *testing.T) {
	for _, percent := range []int64{0, 1, 30, 99, 100} {
		var c counters
		refused := int64(0)
		for n := int64(1); n <= 1000; n++ {
			if c.refuse(percent) {
				refused++
			}
			if want := n * percent / 100; refused != want || c.refused.Load() != want {
				t.Fatalf("%d %%: %d of %d", percent, refused, n)
			}
		}
	}
}

// Every event's data is JSON, and no template has a placeholder left.
func TestTemplates(t *testing.T) {
	for name, a := range map[string]*answers{"openai": openAI, "anthropic": anthropic} {
		_, body, _ := bytes.Cut(a.whole, []byte("\r\n\r\n"))
		if !json.Valid(body) || len(body) < 900 || len(body) > 1100 {
			t.Errorf("%s: %d bytes: %s", name, len(body), body)
		}
		for _, usage := range []bool{false, true} {
			stream := append(a.appendChunk(append([]byte(nil), a.opening...), stamp.MaxSeq, 1<<62), a.end(usage)...)
			events := 0
			for line := range bytes.Lines(stream) {
				data, ok := bytes.CutPrefix(line, []byte("data: "))
				if !ok || bytes.Equal(data, []byte("[DONE]\n")) {
					continue
				}
				events++
				if !json.Valid(data) || bytes.Contains(data, []byte("#")) {
					t.Errorf("%s: %s", name, data)
				}
			}
			if events < 3 {
				t.Errorf("%s: %d events", name, events)
			}
			if has := bytes.Contains(stream, []byte(`"total_tokens"`)); name == "openai" && has != usage {
				t.Errorf("usage asked for: %v, there: %v", usage, has)
			}
		}
	}
}
