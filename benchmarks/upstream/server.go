package main

import (
	"errors"

	"fastgate/benchmarks/internal/http1"
	"fastgate/benchmarks/internal/netpoll"

	"golang.org/x/sys/unix"
)

const readSize = 256 << 10

// server answers the connections of one listening socket on one thread.
type server struct {
	counters  *counters
	poller    *netpoll.Poller
	listener  int
	conns     []*conn // by file descriptor
	deadlines netpoll.Deadlines
	buffer    []byte
	out       []byte
}

// conn is a connection; it is kept for the next one of its file descriptor.
type conn struct {
	fd      int
	open    bool
	decoder http1.Decoder
	body    ends
	pending []byte // what the socket did not take at once
	flushed int    // of it, what the socket took since

	answers *answers // of the call that is answered, nil between calls
	asked   question
	does    behaviour
	due     int64 // the next chunk's or the delayed answer's time, 0 if there is none
	seq     int
	closing bool // close when nothing is pending
}

func newServer(listener int, counters *counters) (*server, error) {
	poller, err := netpoll.NewPoller()
	if err != nil {
		return nil, err
	}
	if err := poller.AddListener(listener, int32(listener)); err != nil {
		return nil, err
	}
	return &server{counters: counters, poller: poller, listener: listener, buffer: make([]byte, readSize)}, nil
}

// serve returns only with an error.
func (s *server) serve() error {
	for {
		events, err := s.poller.Wait(netpoll.Until(s.deadlines.Next()))
		if err != nil {
			return err
		}
		for i := range events {
			if fd := int(events[i].Fd); fd == s.listener {
				if err := s.accept(); err != nil {
					return err
				}
			} else if c := s.conns[fd]; c.open {
				s.ready(c)
			}
		}
		s.proceedDue()
	}
}

// proceedDue does what is due, some at a time: who is behind must not keep new calls waiting.
func (s *server) proceedDue() {
	const most = 128
	now := netpoll.Now()
	for i := 0; i < most && s.deadlines.Next() <= now; i++ {
		// A deadline outlives its connection: the connection knows whether it is still meant.
		if c := s.conns[s.deadlines.Pop()]; c.open && c.due != 0 && c.due <= now {
			s.proceed(c, now)
		}
	}
}

func (s *server) accept() error {
	for {
		fd, err := netpoll.Accept(s.listener)
		if errors.Is(err, netpoll.ErrWouldBlock) {
			return nil
		}
		if err != nil {
			return err
		}
		for fd >= len(s.conns) {
			s.conns = append(s.conns, nil)
		}
		if s.conns[fd] == nil {
			s.conns[fd] = &conn{}
		}
		s.conns[fd].reset(fd)
		if err := s.poller.Add(fd, int32(fd)); err != nil {
			return err
		}
	}
}

func (c *conn) reset(fd int) {
	c.decoder.Reset()
	c.decoder.Requests()
	c.body.reset()
	*c = conn{fd: fd, open: true, decoder: c.decoder, body: c.body, pending: c.pending[:0]}
}

func (s *server) close(c *conn) {
	c.open, c.due = false, 0
	unix.Close(c.fd)
}

func (s *server) ready(c *conn) {
	if len(c.pending) > 0 {
		s.flush(c)
	}
	for c.open {
		n, err := netpoll.Read(c.fd, s.buffer)
		if errors.Is(err, netpoll.ErrWouldBlock) {
			return
		}
		if err != nil {
			s.close(c)
			return
		}
		s.feed(c, s.buffer[:n])
		if n < len(s.buffer) {
			return // an edge tells of more
		}
	}
}

func (s *server) feed(c *conn, data []byte) {
	for len(data) > 0 && c.open {
		fresh := !c.decoder.HeadDone()
		piece, rest, done, err := c.decoder.Step(data)
		if err != nil || c.answers != nil { // malformed, or pipelined behind a stream
			s.close(c)
			return
		}
		if c.decoder.HeadDone() && fresh {
			c.body.reset()
		}
		if !done {
			c.body.add(piece)
		} else if len(c.body.front) == 0 {
			s.call(c, whole(piece))
		} else {
			c.body.add(piece)
			s.call(c, c.body)
		}
		if done {
			c.body.reset()
		}
		data = rest
	}
}

// send writes now, or behind what waits already.
func (s *server) send(c *conn, data []byte) {
	if len(c.pending) > 0 {
		c.pending = append(c.pending, data...)
		return
	}
	n, err := netpoll.Write(c.fd, data)
	if err != nil && !errors.Is(err, netpoll.ErrWouldBlock) {
		s.close(c)
		return
	}
	if n < len(data) {
		c.pending = append(c.pending, data[n:]...)
	}
}

func (s *server) flush(c *conn) {
	n, err := netpoll.Write(c.fd, c.pending[c.flushed:])
	if err != nil && !errors.Is(err, netpoll.ErrWouldBlock) {
		s.close(c)
		return
	}
	if c.flushed += n; c.flushed < len(c.pending) {
		return // an edge tells of more room
	}
	c.pending, c.flushed = c.pending[:0], 0
	if c.closing && c.answers == nil {
		s.close(c)
	}
}
