// Package http1 decodes HTTP/1.1 messages from pieces of any size, without an allocation per message:
// the little that a load generator and a simulated provider need, correct in how a message ends.
package http1

import (
	"bytes"
	"errors"
	"strconv"
)

const maxHead = 64 << 10

var (
	errHead = errors.New("malformed message head")
	headEnd = []byte("\r\n\r\n")
	lineEnd = []byte("\r\n")
)

type framing uint8

const (
	inHead framing = iota
	counted
	inChunks
	untilClose
)

// Decoder takes the messages of one direction of a connection, one after another.
type Decoder struct {
	// Start is the start line, Status a response's code, Close whether the sender ends the connection
	// behind the message. They are valid from the end of the head to the next message.
	Start  []byte
	Status int
	Close  bool

	request   bool
	framing   framing
	remaining int64
	chunks    chunked
	head      []byte // of a head that came in several pieces
}

// Requests makes a decoder take requests; its zero value takes responses.
func (d *Decoder) Requests() { d.request = true }

// Reset forgets an unfinished message: the next bytes are of a new connection.
func (d *Decoder) Reset() {
	*d = Decoder{Start: d.Start[:0], request: d.request, head: d.head[:0]}
}

// Begun is true inside a message.
func (d *Decoder) Begun() bool { return d.framing != inHead || len(d.head) > 0 }

// HeadDone is true between the end of the head and the end of the body.
func (d *Decoder) HeadDone() bool { return d.framing != inHead }

// EndsAtClose is true where the end of the connection ends the message.
func (d *Decoder) EndsAtClose() bool { return d.framing == untilClose }

// Step returns the first run of body bytes in data and what is behind it; done at the end of a message.
// Call it again with rest as long as rest has bytes.
func (d *Decoder) Step(data []byte) (body, rest []byte, done bool, err error) {
	switch d.framing {
	case inHead:
		return d.stepHead(data)
	case counted:
		take := min(d.remaining, int64(len(data)))
		d.remaining -= take
		if d.remaining == 0 {
			d.framing = inHead
		}
		return data[:take], data[take:], d.remaining == 0, nil
	case inChunks:
		body, rest, done, err = d.chunks.step(data)
		if done {
			d.framing = inHead
		}
		return body, rest, done, err
	default:
		return data, nil, false, nil
	}
}

func (d *Decoder) stepHead(data []byte) (body, rest []byte, done bool, err error) {
	if len(d.head) == 0 {
		if end := bytes.Index(data, headEnd); end >= 0 {
			done, err = d.readHead(data[:end+2])
			return nil, data[end+4:], done, err
		}
	}
	before := len(d.head)
	d.head = append(d.head, data...)
	from := max(before-3, 0)
	end := bytes.Index(d.head[from:], headEnd)
	if end < 0 {
		if len(d.head) > maxHead {
			return nil, nil, false, errHead
		}
		return nil, nil, false, nil
	}
	end += from
	done, err = d.readHead(d.head[:end+2])
	d.head = d.head[:0]
	return nil, data[end+4-before:], done, err
}

// readHead takes a head of which each line has its end; done where no body follows.
func (d *Decoder) readHead(head []byte) (done bool, err error) {
	end := bytes.Index(head, lineEnd)
	d.Start = append(d.Start[:0], head[:end]...)
	d.Status, d.Close = 0, bytes.HasPrefix(d.Start, []byte("HTTP/1.0"))
	if !d.request {
		if d.Status, err = status(d.Start); err != nil {
			return false, err
		}
	}
	length, hasLength, isChunked := int64(0), false, false
	for rest := head[end+2:]; len(rest) > 0; {
		end := bytes.Index(rest, lineEnd)
		line := rest[:end]
		rest = rest[end+2:]
		colon := bytes.IndexByte(line, ':')
		if colon <= 0 {
			return false, errHead
		}
		name, value := line[:colon], bytes.TrimSpace(line[colon+1:])
		switch {
		case is(name, "content-length"):
			if length, err = strconv.ParseInt(string(value), 10, 64); err != nil || length < 0 {
				return false, errHead
			}
			hasLength = true
		case is(name, "transfer-encoding"):
			isChunked = !is(value, "identity")
		case is(name, "connection"):
			d.Close = is(value, "close") || d.Close && !is(value, "keep-alive")
		}
	}
	return d.begin(length, hasLength, isChunked), nil
}

// begin decides where the body ends (RFC 9112, section 6.3).
func (d *Decoder) begin(length int64, hasLength, isChunked bool) (done bool) {
	switch {
	case !d.request && d.Status/100 == 1:
		return false // the response proper follows
	case d.Status == 204 || d.Status == 304:
		return true
	case isChunked:
		d.framing, d.chunks = inChunks, chunked{}
		return false
	case hasLength || d.request:
		d.remaining = length
		if length == 0 {
			return true
		}
		d.framing = counted
		return false
	default:
		d.framing, d.Close = untilClose, true
		return false
	}
}

func status(line []byte) (int, error) {
	if len(line) < len("HTTP/1.1 200") || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return 0, errHead
	}
	code := 0
	for _, b := range line[len("HTTP/1.1 "):len("HTTP/1.1 200")] {
		if b < '0' || b > '9' {
			return 0, errHead
		}
		code = code*10 + int(b-'0')
	}
	return code, nil
}

// is compares without regard to case; lower is in lower case.
func is(text []byte, lower string) bool {
	return len(text) == len(lower) && bytes.EqualFold(text, []byte(lower))
}
