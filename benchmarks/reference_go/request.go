package main

import (
	"strconv"
	"unicode/utf8"

	"github.com/valyala/fastjson"
)

const (
	defaultOutput   = 4096 // tokens that are held for a request without a cap
	bytesPerToken   = 3    // of a request
	maxCap          = 1 << 30
	askForUsage     = `{"stream_options":{"include_usage":true},`
	maxModelNameLen = 256
)

// A request is what the gateway reads of a client's body.
type request struct {
	parser     fastjson.Parser
	arena      fastjson.Arena
	tree       *fastjson.Value
	body       []byte
	rendered   []byte
	model      string
	stream     bool
	wantsUsage bool // the client asked for the usage of its stream
	options    bool // there are stream_options
	input      int64
	output     int64
}

// forget leaves only the buffers.
func (r *request) forget() {
	r.tree, r.body, r.model = nil, nil, ""
	r.stream, r.wantsUsage, r.options = false, false, false
}

// decode checks the body and reads it; body and request share memory.
func (r *request) decode(body []byte) *refusal {
	r.body = body
	r.arena.Reset()
	tree, err := r.parser.ParseBytes(body)
	if err != nil || !utf8.Valid(body) {
		return &invalidJSON
	}
	if tree.Type() != fastjson.TypeObject {
		return &invalidBody
	}
	r.tree = tree
	model := tree.Get("model")
	if model == nil {
		return &missingModel
	}
	if model.Type() != fastjson.TypeString || len(model.GetStringBytes()) > maxModelNameLen {
		return invalidField("model")
	}
	r.model = string(model.GetStringBytes())
	return r.decodeOptions()
}

func (r *request) decodeOptions() *refusal {
	var ok bool
	if r.stream, ok = boolean(r.tree.Get("stream")); !ok {
		return invalidField("stream")
	}
	options := r.tree.Get("stream_options")
	r.options = options != nil
	if r.wantsUsage, ok = boolean(options.Get("include_usage")); !ok {
		return invalidField("stream_options.include_usage")
	}
	largest, n := int64(0), int64(1)
	for _, name := range [...]string{"max_completion_tokens", "max_tokens", "n"} {
		value := r.tree.Get(name)
		if value == nil || value.Type() == fastjson.TypeNull {
			continue
		}
		count, err := value.Int64()
		if err != nil || count < 0 || count > maxCap {
			return invalidField(name)
		}
		if name == "n" {
			n = max(count, 1)
		} else {
			largest = max(largest, count)
		}
	}
	if largest == 0 {
		largest = defaultOutput
	}
	r.input = int64(len(r.body)/bytesPerToken) + 1
	r.output = min(largest*n, maxCap)
	return nil
}

// boolean reads what may be absent or null; ok is false for anything else that is no boolean.
func boolean(v *fastjson.Value) (value, ok bool) {
	if v == nil || v.Type() == fastjson.TypeNull {
		return false, true
	}
	value, err := v.Bool()
	return value, err == nil
}

// render gives the body for a deployment: as it came wherever that is possible. model is "" for the client's.
func (r *request) render(model string) []byte {
	if model == "" {
		model = r.model
	}
	rename := model != r.model
	ask := r.stream && !r.wantsUsage
	if !rename && !ask {
		return r.body
	}
	if !rename && !r.options {
		open := 0
		for r.body[open] != '{' {
			open++
		}
		r.rendered = append(append(r.rendered[:0], askForUsage...), r.body[open+1:]...)
		return r.rendered
	}
	r.tree.Set("model", r.arena.NewString(model))
	if ask {
		options := r.tree.Get("stream_options")
		if options == nil || options.Type() != fastjson.TypeObject {
			options = r.arena.NewObject()
			r.tree.Set("stream_options", options)
		}
		options.Set("include_usage", r.arena.NewTrue())
	}
	r.rendered = r.tree.MarshalTo(r.rendered[:0])
	return r.rendered
}

// usage is what a call took, in tokens; cached is part of input, reasoning of output.
type usage struct{ input, cached, output, reasoning int64 }

// readUsage reads a usage object; ok is false if there is none.
func readUsage(v *fastjson.Value) (u usage, ok bool) {
	if v == nil || v.Type() != fastjson.TypeObject {
		return usage{}, false
	}
	u.input = v.GetInt64("prompt_tokens")
	u.output = v.GetInt64("completion_tokens")
	u.cached = min(v.GetInt64("prompt_tokens_details", "cached_tokens"), u.input)
	u.reasoning = v.GetInt64("completion_tokens_details", "reasoning_tokens")
	return u, true
}

// appendUSD writes nano-USD as a decimal number of USD.
func appendUSD(text []byte, nano int64) []byte {
	text = strconv.AppendInt(text, nano/1e9, 10)
	fraction := nano % 1e9
	if fraction == 0 {
		return text
	}
	text = append(text, '.')
	for digit := int64(1e8); fraction > 0; digit /= 10 {
		text = append(text, byte('0'+fraction/digit))
		fraction %= digit
	}
	return text
}
