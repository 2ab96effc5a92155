package main

import (
	"bytes"
	"errors"
	"io"
	"net/http/httputil"
	"strings"
	"testing"
)

const chunkedBody = "5\r\nhello\r\n1;name=value\r\n,\r\n00a \r\n\r\nworld!\r\n\r\n0\r\nTrailer: yes\r\n\r\n"

func TestChunksAreUndoneWhereverTheyAreSplit(t *testing.T) {
	want, err := io.ReadAll(httputil.NewChunkedReader(strings.NewReader(chunkedBody)))
	if err != nil {
		t.Fatal(err)
	}
	const next = "HTTP/1.1 200 OK"
	raw := []byte(chunkedBody + next)
	for first := range len(raw) {
		for second := first; second < len(raw); second += 3 {
			f := newFraming(chunked)
			var body []byte
			total := 0
			for _, piece := range [][]byte{raw[:first], raw[first:second], raw[second:]} {
				var taken int
				if body, taken, err = f.decode(body, piece); err != nil {
					t.Fatal(err)
				}
				total += taken
			}
			if !bytes.Equal(body, want) || f.state != ended || total != len(chunkedBody) {
				t.Fatalf("split at %d and %d: %q, %d bytes", first, second, body, total)
			}
		}
	}
}

func TestMalformedChunksAreRefused(t *testing.T) {
	for _, raw := range []string{"\r\n", "x\r\n", "-1\r\n", "5\r\nhelloX", "ffffffffffffffffff\r\n", "5hello"} {
		f := newFraming(chunked)
		if _, _, err := f.decode(nil, []byte(raw)); !errors.Is(err, errChunk) {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func TestEndOfConnectionIsTheEndOnlyWithoutALength(t *testing.T) {
	for length, want := range map[int]error{chunked: io.ErrUnexpectedEOF, 10: io.ErrUnexpectedEOF, untilClose: nil, 0: nil} {
		f := newFraming(length)
		if err := f.finish(); err != want {
			t.Errorf("content length %d: %v", length, err)
		}
	}
}
