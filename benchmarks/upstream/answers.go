package main

import (
	"bytes"
	"fmt"
	"strings"

	"fastgate/benchmarks/internal/stamp"
)

// answers are the bytes of one dialect, built once.
type answers struct {
	whole        []byte // a whole response
	opening      []byte // a stream's head and what comes before its content
	chunk        []byte // one content chunk
	stampAt      int    // where the stamp stands in it
	closing      []byte
	closingUsage []byte // the same with the usage, if the dialect lets a client ask for it
}

const text = "The quick brown fox jumps over the lazy dog. "

var (
	openAI    = newOpenAI()
	anthropic = newAnthropic()

	refusal = response("429 Too Many Requests", "retry-after: 0\r\n",
		`{"error":{"message":"Rate limit reached","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}`)
	unknown = response("404 Not Found", "",
		`{"error":{"message":"No such model or path","type":"invalid_request_error","param":null,"code":"not_found"}}`)
)

func newOpenAI() *answers {
	const usage = `{"prompt_tokens":200,"completion_tokens":160,"total_tokens":360,` +
		`"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}`
	chunk := func(choices, more string) string {
		return event("", `{"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench",`+
			`"service_tier":"default","system_fingerprint":"fp_bench","choices":[`+choices+`]`+more+`}`)
	}
	choice := func(delta, finish string) string {
		return `{"index":0,"delta":` + delta + `,"logprobs":null,"finish_reason":` + finish + `}`
	}
	finish := chunk(choice(`{}`, `"stop"`), "")
	done := event("", "[DONE]") + lastChunk
	return newAnswers(
		`{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"bench","choices":[{"index":0,`+
			`"message":{"role":"assistant","content":"`+strings.Repeat(text, 12)+`","refusal":null,"annotations":[]},`+
			`"logprobs":null,"finish_reason":"stop"}],"usage":`+usage+`,"service_tier":"default","system_fingerprint":"fp_bench"}`,
		chunk(choice(`{"role":"assistant","content":"","refusal":null}`, "null"), ""),
		chunk(choice(`{"content":"`+placeholder+`"}`, "null"), ""),
		finish+done,
		finish+chunk("", `,"usage":`+usage)+done,
	)
}

func newAnthropic() *answers {
	const message = `"id":"msg_bench","type":"message","role":"assistant","model":"bench"`
	closing := event("content_block_stop", `{"type":"content_block_stop","index":0}`) +
		event("message_delta", `{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},`+
			`"usage":{"output_tokens":160}}`) +
		event("message_stop", `{"type":"message_stop"}`) + lastChunk
	return newAnswers(
		`{`+message+`,"content":[{"type":"text","text":"`+strings.Repeat(text, 16)+`"}],"stop_reason":"end_turn",`+
			`"stop_sequence":null,"usage":{"input_tokens":200,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,`+
			`"output_tokens":160}}`,
		event("message_start", `{"type":"message_start","message":{`+message+`,"content":[],"stop_reason":null,`+
			`"stop_sequence":null,"usage":{"input_tokens":200,"cache_creation_input_tokens":0,`+
			`"cache_read_input_tokens":0,"output_tokens":1}}}`)+
			event("content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`),
		event("content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"`+
			placeholder+`"}}`),
		closing,
		closing,
	)
}

const lastChunk = "0\r\n\r\n"

var placeholder = strings.Repeat("#", stamp.Size)

func newAnswers(whole, opening, chunk, closing, closingUsage string) *answers {
	const head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n" +
		"x-request-id: req_bench\r\ntransfer-encoding: chunked\r\n\r\n"
	return &answers{
		whole:        response("200 OK", "x-request-id: req_bench\r\n", whole),
		opening:      []byte(head + opening),
		chunk:        []byte(chunk),
		stampAt:      strings.Index(chunk, placeholder),
		closing:      []byte(closing),
		closingUsage: []byte(closingUsage),
	}
}

// event is a server-sent event in an HTTP chunk of its own.
func event(name, data string) string {
	sent := "data: " + data + "\n\n"
	if name != "" {
		sent = "event: " + name + "\n" + sent
	}
	return fmt.Sprintf("%x\r\n%s\r\n", len(sent), sent)
}

func response(status, headers, body string) []byte {
	return []byte(fmt.Sprintf("HTTP/1.1 %s\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n%s",
		status, headers, len(body), body))
}

// appendChunk appends the content chunk of a sequence number.
func (a *answers) appendChunk(to []byte, seq int, now int64) []byte {
	at := len(to) + a.stampAt
	to = append(to, a.chunk...)
	stamp.Put(to[at:], seq, now)
	return to
}

func (a *answers) end(usage bool) []byte {
	if usage {
		return a.closingUsage
	}
	return a.closing
}

// find returns the dialect of a request line, nil for any other path.
func find(line []byte) *answers {
	path, isPost := bytes.CutPrefix(line, []byte("POST "))
	path, _, _ = bytes.Cut(path, []byte{' '})
	path, _, _ = bytes.Cut(path, []byte{'?'})
	switch {
	case !isPost:
		return nil
	case bytes.Equal(path, []byte("/v1/chat/completions")):
		return openAI
	case bytes.Equal(path, []byte("/v1/messages")):
		return anthropic
	default:
		return nil
	}
}
