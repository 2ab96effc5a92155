package main

import (
	"bytes"

	"fastgate/benchmarks/internal/netpoll"
)

// call takes a whole request; the body is valid during the call only.
func (s *server) call(c *conn, body ends) {
	c.closing = c.decoder.Close
	if bytes.HasPrefix(c.decoder.Start, []byte("GET /stats ")) {
		s.finish(c, s.counters.response())
		return
	}
	answers := find(c.decoder.Start)
	asked := read(body.front, body.back)
	does, known := behave(asked.model)
	if answers == nil || !known {
		s.finish(c, unknown)
		return
	}
	asked.model = nil
	s.counters.requests.Add(1)
	if does.refused > 0 && s.counters.refuse(does.refused) {
		s.finish(c, refusal)
		return
	}
	c.answers, c.asked, c.does, c.seq, c.due = answers, asked, does, 0, 0
	if does.delay > 0 {
		c.due = netpoll.Now() + does.delay
		s.deadlines.Add(c.due, int32(c.fd))
		return
	}
	s.answer(c)
}

// proceed goes on with a call whose time has come.
func (s *server) proceed(c *conn, now int64) {
	if c.seq == 0 {
		c.due = 0
		s.answer(c)
		return
	}
	if now-c.due > lateness {
		s.counters.late.Add(1)
	}
	s.stream(c, s.out[:0])
}

func (s *server) answer(c *conn) {
	if !c.asked.stream {
		s.answerWhole(c)
		return
	}
	s.counters.streams.Add(1)
	c.due = netpoll.Now()
	s.stream(c, append(s.out[:0], c.answers.opening...))
}

func (s *server) answerWhole(c *conn) {
	if c.does.cut {
		c.closing = true
		s.finish(c, c.answers.whole[:len(c.answers.whole)/2])
		return
	}
	s.finish(c, c.answers.whole)
}

// stream writes the next chunk behind out; all of them if there is no pause between them.
func (s *server) stream(c *conn, out []byte) {
	before := c.seq
	for c.seq < c.does.chunks && (c.seq == before || c.does.interval == 0) {
		out = c.answers.appendChunk(out, c.seq, netpoll.Now())
		c.seq++
	}
	s.counters.chunks.Add(int64(c.seq - before))
	s.out = out
	if c.seq < c.does.chunks {
		s.send(c, out)
		c.due += c.does.interval
		s.deadlines.Add(c.due, int32(c.fd))
		return
	}
	c.due = 0
	if c.does.cut {
		c.closing = true
	} else {
		out = append(out, c.answers.end(c.asked.usage)...)
		s.out = out
	}
	s.finish(c, out)
}

// finish sends the last bytes of an answer.
func (s *server) finish(c *conn, data []byte) {
	c.answers = nil
	s.send(c, data)
	if c.open && c.closing && len(c.pending) == 0 {
		s.close(c)
	}
}
