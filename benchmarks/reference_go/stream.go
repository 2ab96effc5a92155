package main

import (
	"errors"
	"io"
	"time"

	"github.com/valyala/fastjson"
)

const (
	maxEvent = 4 << 20
	// A timer is not set anew for each piece: it may fire early by this part of itself.
	timerSlack = 8
)

var (
	errEventTooLong = errors.New("an event is too long")
	errTruncated    = errors.New("the stream ended without [DONE]")
	errFirstEvent   = errors.New("the stream began with an error")
)

// A follower is told how a stream goes on.
type follower interface {
	piece(gap int64)
	streamEnded(clientLeft bool)
}

// A stream relays server-sent events: what has come goes out at once, in whole events. Its usage is read on the way.
//
// fasthttp reads it to write the client's answer, and closes it in the end.
type stream struct {
	call       *call
	follower   follower
	wantsUsage bool
	parser     fastjson.Parser
	framing    framing
	buffer     []byte
	ready      int   // of the buffer: whole events
	scanned    int   // of the buffer: no event ends between ready and here
	armed      int64 // when the timer was set
	last       int64 // when the last piece came

	content  bool  // has come
	done     bool  // [DONE] has come
	failed   bool  // an error has come, or was added here
	err      error // what ended the stream before its end
	usage    usage
	reported bool // usage is what the provider said
	events   int64
	bytesIn  int64
	bytesOut int64
}

// begin follows the head of an answer.
func (s *stream) begin(c *call, wantsUsage bool, f follower) {
	*s = stream{
		call: c, follower: f, wantsUsage: wantsUsage, parser: s.parser, buffer: s.buffer[:0],
		framing: newFraming(c.answer.Header.ContentLength()),
	}
}

// prime returns when the first content is there, or the stream has ended well without any. Until then nothing
// went to the client, so another deployment may be tried.
func (s *stream) prime() error {
	for !s.content && !s.done {
		if err := s.fill(); err != nil {
			return err
		}
		if s.failed {
			return errFirstEvent
		}
		if s.framing.state == ended && !s.done && !s.content {
			return errTruncated
		}
	}
	return nil
}

// Read blocks only while no whole event is there.
func (s *stream) Read(p []byte) (int, error) {
	for s.ready == 0 {
		if s.framing.state == ended || s.err != nil {
			if !s.end() {
				return 0, io.EOF
			}
			continue
		}
		if err := s.fill(); err != nil {
			s.err = err
		}
	}
	n := copy(p, s.buffer[:s.ready])
	s.buffer = s.buffer[:copy(s.buffer, s.buffer[n:])]
	s.ready -= n
	s.scanned -= n
	s.bytesOut += int64(n)
	return n, nil
}

// end makes what is still to be said of a stream that has ended; false if there is nothing.
func (s *stream) end() bool {
	if s.err == nil && !s.done {
		s.err = errTruncated
	}
	if s.done || s.failed {
		return false
	}
	s.failed = true
	s.buffer = append(s.buffer[:0], dataField...)
	s.buffer = append(append(s.buffer, ' '), cutOff(s.err).body()...)
	s.buffer = append(s.buffer, "\n\n"...)
	s.ready = len(s.buffer)
	s.scanned = s.ready
	return true
}

// cutOff is what the client is told in place of the rest.
func cutOff(err error) *refusal {
	if failureOfError(err) == timedOut {
		return &fellSilent
	}
	return &brokenOff
}

// fill takes what has come, after waiting for something to come.
func (s *stream) fill() error {
	reader := s.call.reader
	if reader.Buffered() == 0 {
		if err := s.arm(); err != nil {
			return err
		}
		if _, err := reader.Peek(1); err == io.EOF {
			return s.framing.finish()
		} else if err != nil {
			return err
		}
	}
	raw, err := reader.Peek(reader.Buffered())
	if err != nil {
		return err
	}
	now := monotonic()
	if s.last != 0 {
		s.follower.piece(now - s.last)
	}
	s.last = now
	var taken int
	if s.buffer, taken, err = s.framing.decode(s.buffer, raw); err != nil {
		return err
	}
	s.bytesIn += int64(taken)
	if _, err = reader.Discard(taken); err != nil {
		return err
	}
	return s.split()
}

// arm sets the timer between chunks.
func (s *stream) arm() error {
	now, silence := monotonic(), s.call.timers.silence
	if s.armed != 0 && now-s.armed < int64(silence)/timerSlack {
		return nil
	}
	s.armed = now
	return s.call.conn.SetReadDeadline(time.Now().Add(silence))
}

// split finds the events that are whole now, and takes out the one that the client did not ask for.
func (s *stream) split() error {
	for {
		end := eventEnd(s.buffer, s.scanned)
		if end < 0 {
			// The last three bytes may be the begin of a border.
			s.scanned = max(len(s.buffer)-3, s.ready)
			if len(s.buffer)-s.ready > maxEvent {
				return errEventTooLong
			}
			return nil
		}
		if s.look(s.buffer[s.ready:end]) {
			s.ready = end
		} else {
			s.buffer = append(s.buffer[:s.ready], s.buffer[end:]...)
		}
		s.scanned = s.ready
	}
}

// CloseWithError ends the stream. written is what kept fasthttp from writing all of it: the client has left.
func (s *stream) CloseWithError(written error) error {
	s.call.release(s.framing.state == ended && s.err == nil && s.call.reusable())
	s.follower.streamEnded(written != nil)
	return nil
}
