package main

import (
	"bytes"
	"math"
	"time"

	"fastgate/benchmarks/internal/stamp"
)

// A body's ends are looked at only: what we read stands before or behind the messages.
const endSize = 4096

// question is what a request's body asks for.
type question struct {
	model  []byte // a view of the body
	stream bool
	usage  bool
}

func read(ends ...[]byte) question {
	var asked question
	for _, end := range ends {
		if value := member(end, `"model"`); asked.model == nil && len(value) > 0 && value[0] == '"' {
			asked.model, _, _ = bytes.Cut(value[1:], []byte{'"'})
		}
		asked.stream = asked.stream || bytes.HasPrefix(member(end, `"stream"`), []byte("true"))
		asked.usage = asked.usage || bytes.HasPrefix(member(end, `"include_usage"`), []byte("true"))
	}
	return asked
}

// member returns what follows `name :`. A name inside a JSON string has its quotation marks escaped.
func member(text []byte, name string) []byte {
	at := bytes.Index(text, []byte(name))
	if at < 0 {
		return nil
	}
	rest := bytes.TrimLeft(text[at+len(name):], " \t\r\n")
	if len(rest) == 0 || rest[0] != ':' {
		return nil
	}
	return bytes.TrimLeft(rest[1:], " \t\r\n")
}

// ends keeps the two ends of a body that comes in pieces.
type ends struct {
	front, back []byte
}

func (e *ends) add(piece []byte) {
	if room := endSize - len(e.front); room > 0 {
		e.front = append(e.front, piece[:min(room, len(piece))]...)
	}
	if over := len(e.back) + len(piece) - endSize; over >= len(e.back) {
		e.back = append(e.back[:0], piece[max(len(piece)-endSize, 0):]...)
	} else if over > 0 {
		e.back = append(e.back[:copy(e.back, e.back[over:])], piece...)
	} else {
		e.back = append(e.back, piece...)
	}
}

func (e *ends) reset() { e.front, e.back = e.front[:0], e.back[:0] }

// whole returns the ends of a body that is there in one piece.
func whole(body []byte) ends {
	if len(body) <= 2*endSize {
		return ends{front: body}
	}
	return ends{front: body[:endSize], back: body[len(body)-endSize:]}
}

const quickChunks = 40

// behaviour is what a model's name stands for.
type behaviour struct {
	delay    int64 // nanoseconds before the answer
	chunks   int
	interval int64 // nanoseconds between chunks; 0 writes them all at once
	refused  int64 // percent of the calls
	cut      bool  // break the connection behind the chunks
}

// behave understands bench, bench-delay-MS, bench-stream-NxR, bench-429-P and bench-cut-N.
func behave(model []byte) (does behaviour, ok bool) {
	does.chunks = quickChunks
	rest, ok := bytes.CutPrefix(model, []byte("bench"))
	if !ok || len(rest) == 0 {
		return does, ok
	}
	if after, found := bytes.CutPrefix(rest, []byte("-delay-")); found {
		ms, ok := number(after, math.MaxInt32)
		does.delay = ms * int64(time.Millisecond)
		return does, ok
	}
	if after, found := bytes.CutPrefix(rest, []byte("-stream-")); found {
		before, after, _ := bytes.Cut(after, []byte("x"))
		chunks, ok := number(before, stamp.MaxSeq)
		rate, okRate := number(after, int64(time.Second))
		if !ok || !okRate || chunks == 0 || rate == 0 {
			return does, false
		}
		does.chunks, does.interval = int(chunks), int64(time.Second)/rate
		return does, true
	}
	if after, found := bytes.CutPrefix(rest, []byte("-429-")); found {
		does.refused, ok = number(after, 100)
		return does, ok
	}
	if after, found := bytes.CutPrefix(rest, []byte("-cut-")); found {
		chunks, ok := number(after, quickChunks*1000)
		does.chunks, does.cut = int(chunks), true
		return does, ok
	}
	return does, false
}

func number(digits []byte, most int64) (value int64, ok bool) {
	if len(digits) == 0 {
		return 0, false
	}
	for _, b := range digits {
		if b < '0' || b > '9' || value > most {
			return 0, false
		}
		value = value*10 + int64(b-'0')
	}
	return value, value <= most
}
