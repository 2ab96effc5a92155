package main

import (
	"bytes"
	"slices"

	"github.com/valyala/fastjson"
)

var (
	dataField = []byte("data:")
	doneMark  = []byte("[DONE]")
	errorMark = []byte(`{"error"`)
	usageKey  = []byte(`"usage"`)
)

// eventEnd is behind the first empty line; -1 if there is none.
func eventEnd(buffer []byte, from int) int {
	for {
		i := bytes.IndexByte(buffer[from:], '\n')
		if i < 0 {
			return -1
		}
		from += i + 1
		switch rest := buffer[from:]; {
		case len(rest) > 0 && rest[0] == '\n':
			return from + 1
		case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
			return from + 2
		}
	}
}

// look reads an event as far as that is needed; false: it is not for the client.
func (s *stream) look(event []byte) bool {
	data, ok := bytes.CutPrefix(event, dataField)
	if !ok {
		return true
	}
	data = bytes.TrimSpace(data)
	if bytes.Equal(data, doneMark) {
		s.done = true
		return true
	}
	s.events++
	hasUsage := hasObject(data, usageKey)
	if s.content && !hasUsage {
		s.failed = s.failed || bytes.HasPrefix(data, errorMark)
		return true
	}
	chunk, err := s.parser.ParseBytes(data)
	if err != nil {
		return true
	}
	if reason := chunk.Get("error"); reason != nil && reason.Type() != fastjson.TypeNull {
		s.failed = true
	}
	choices := chunk.GetArray("choices")
	s.content = s.content || slices.ContainsFunc(choices, isContent)
	if usage, ok := readUsage(chunk.Get("usage")); ok {
		s.usage, s.reported = usage, true
		return s.wantsUsage || len(choices) > 0
	}
	return true
}

// hasObject finds a key whose value is an object: providers send "usage": null with every chunk.
func hasObject(data, key []byte) bool {
	i := bytes.LastIndex(data, key)
	if i < 0 {
		return false
	}
	rest := bytes.TrimLeft(data[i+len(key):], " \t:")
	return len(rest) > 0 && rest[0] == '{'
}

// isContent tells a choice that says something from one that only gives the role.
func isContent(choice *fastjson.Value) bool {
	delta := choice.Get("delta")
	for _, name := range [...]string{"content", "reasoning_content", "refusal"} {
		if len(delta.GetStringBytes(name)) > 0 {
			return true
		}
	}
	return len(delta.GetArray("tool_calls")) > 0 || len(choice.GetStringBytes("finish_reason")) > 0
}
