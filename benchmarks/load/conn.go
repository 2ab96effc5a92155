package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"fastgate/benchmarks/internal/http1"
	"fastgate/benchmarks/internal/netpoll"
	"fastgate/benchmarks/internal/stamp"

	"golang.org/x/sys/unix"
)

type state uint8

const (
	down       state = iota // waits to be dialled again
	connecting              // dialled
	idle                    // stands, without a call
	busy                    // has a call
)

// redial is how long a refused connection waits.
const redial = int64(50 * time.Millisecond)

// conn is one keep-alive connection of a loop.
type conn struct {
	loop    *loop
	token   int32
	fd      int
	state   state
	wanted  bool // a call waits for the connection to stand, or is under way
	hangup  bool // the peer sent its last byte
	queued  bool // in the loop's queue of idle connections
	decoder http1.Decoder

	start int64 // the call's intended moment (open loop) or begin (closed)
	key   int
	sent  int // bytes of the request that the socket took

	scanner  stamp.Scanner
	sequence sequence
	last     int64 // when the last chunk came, 0 before the first
}

// dial opens the connection; ready tells how it went.
func (c *conn) dial() {
	c.decoder.Reset()
	fd, err := netpoll.Dial(c.loop.address)
	if err == nil {
		if err = c.loop.poller.Add(fd, c.token); err != nil {
			unix.Close(fd)
		}
	}
	if err != nil {
		c.refused()
		return
	}
	c.fd, c.state, c.hangup = fd, connecting, false
}

// refused counts a connection that did not come to stand, and tries again later.
func (c *conn) refused() {
	now := netpoll.Now()
	if c.loop.measured(now) {
		c.loop.figures.errors["connect"]++
	}
	c.state = down
	c.loop.deadlines.Add(now+redial, c.token)
}

// begin starts a call of a moment: at once if the connection stands, else when it does.
func (c *conn) begin(start int64) {
	c.start, c.wanted, c.sent, c.last = start, true, 0, 0
	c.scanner, c.sequence = stamp.Scanner{}, sequence{}
	c.loop.calls++
	if len(c.loop.request.keys) > 0 {
		c.key = c.loop.nextKey()
	}
	if c.state == idle {
		c.state = busy
		c.write()
	}
}

// ready handles a change of the socket; hangup when the peer will send no more than is here.
func (c *conn) ready(hangup bool) {
	c.hangup = c.hangup || hangup
	switch c.state {
	case down:
		return
	case connecting:
		if err := netpoll.Connected(c.fd); err != nil {
			unix.Close(c.fd)
			c.refused()
			return
		}
		c.state = idle
		if !c.wanted {
			c.loop.free(c)
			return
		}
		c.state = busy
		c.write()
	case busy:
		c.write()
	}
	c.read()
}

// write sends what the socket takes of the request.
func (c *conn) write() {
	for request := c.loop.request.with(c.key); c.state == busy && c.sent < len(request); {
		n, err := netpoll.Write(c.fd, request[c.sent:])
		if errors.Is(err, netpoll.ErrWouldBlock) {
			return
		}
		if err != nil {
			// The answer may have come before the peer closed: read tells.
			c.sent = len(request)
			return
		}
		c.sent += n
	}
}

func (c *conn) read() {
	for c.state == idle || c.state == busy {
		n, err := netpoll.Read(c.fd, c.loop.buffer)
		if errors.Is(err, netpoll.ErrWouldBlock) {
			return
		}
		now := netpoll.Now()
		if err != nil {
			c.lost(now, err)
			return
		}
		if !c.feed(c.loop.buffer[:n], now) || n < len(c.loop.buffer) && !c.hangup {
			return // an edge tells of more
		}
	}
}

// lost handles the connection's end.
func (c *conn) lost(now int64, err error) {
	switch {
	case c.state == idle:
		c.redial(now)
	case c.decoder.EndsAtClose() && errors.Is(err, io.EOF):
		c.answered(now)
	case c.decoder.Begun():
		c.failed(now, "short_body")
	default:
		c.failed(now, "no_response")
	}
}

// feed decodes data; false when the call ended.
func (c *conn) feed(data []byte, now int64) bool {
	counts := c.loop.counts(c.start, now)
	if counts {
		c.loop.figures.bytes += int64(len(data))
	}
	for len(data) > 0 {
		body, rest, done, err := c.decoder.Step(data)
		if err != nil || c.state == idle || done && len(rest) > 0 {
			c.failed(now, "bad_response")
			return false
		}
		if c.loop.stream && len(body) > 0 {
			c.scan(body, now, counts)
		}
		if done {
			c.answered(now)
			return false
		}
		data = rest
	}
	return true
}

// scan takes the chunks of a stream.
func (c *conn) scan(body []byte, now int64, counts bool) {
	f := c.loop.figures
	for {
		seq, sent, rest, found := c.scanner.Next(body)
		if !found {
			return
		}
		change := c.sequence.take(seq)
		if counts {
			f.chunks++
			f.account(change)
			f.transit.record(now - sent)
			if c.last == 0 {
				f.ttft.record(now - c.start)
			} else {
				f.gap.record(now - c.last)
			}
		}
		c.last = now
		body = rest
	}
}

// answered ends a call that has its whole answer.
func (c *conn) answered(now int64) {
	if c.loop.counts(c.start, now) {
		f := c.loop.figures
		if c.decoder.Status/100 == 2 {
			f.requests++
			f.latency.record(now - c.start)
			f.account(c.sequence.end(c.loop.chunks))
		} else {
			f.errors[fmt.Sprintf("status_%d", c.decoder.Status)]++
		}
	}
	c.over()
	if c.decoder.Close || c.hangup {
		c.redial(now)
		return
	}
	c.state = idle
	c.loop.free(c)
}

// failed ends a call without a whole answer.
func (c *conn) failed(now int64, name string) {
	if c.wanted && c.loop.counts(c.start, now) {
		c.loop.figures.errors[name]++
	}
	c.over()
	c.redial(now)
}

func (c *conn) over() {
	if c.wanted {
		c.wanted = false
		c.loop.calls--
	}
}

// redial replaces a connection that stood.
func (c *conn) redial(now int64) {
	if c.loop.measured(now) {
		c.loop.figures.reconnects++
	}
	c.close()
	c.loop.replace(c, now)
}

func (c *conn) close() {
	if c.state != down {
		unix.Close(c.fd)
		c.state = down
	}
}
