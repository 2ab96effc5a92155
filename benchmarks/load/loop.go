package main

import (
	"net/netip"
	"runtime"

	"fastgate/benchmarks/internal/netpoll"

	"golang.org/x/sys/unix"
)

const readSize = 64 << 10

// phases are the moments of a run, the same for all loops.
type phases struct{ start, begin, end, giveUp int64 }

// measured is true in the measured phase.
func (p *phases) measured(moment int64) bool { return p.begin <= moment && moment < p.end }

// loop drives its share of the connections on one thread.
type loop struct {
	phases
	address   netip.AddrPort
	request   *request
	figures   *figures
	poller    *netpoll.Poller
	buffer    []byte
	conns     []conn
	deadlines netpoll.Deadlines // connections to dial
	pace      *pace             // of an open loop
	idle      queue             // of an open loop
	calls     int               // under way
	stream    bool
	chunks    int64
	patience  int64 // in a closed loop, what is silent for longer at the end is an error
	key, step int
}

// newLoop makes loop number i of o.procs.
func newLoop(o *options, i int, address netip.AddrPort, when phases) *loop {
	l := &loop{
		phases: when, address: address, request: newRequest(o), figures: newFigures(),
		buffer: make([]byte, readSize), stream: o.stream, chunks: o.chunks,
		patience: int64(min(o.timeout, o.duration)), key: i, step: o.procs,
	}
	size := o.connections / o.procs
	if i < o.connections%o.procs {
		size++
	}
	l.conns = make([]conn, size)
	if o.open {
		interval := 1e9 / o.rate
		l.pace = &pace{
			first: when.start + int64(float64(i)*interval), interval: interval * float64(o.procs),
			end: when.end, limit: maxPending,
		}
		l.idle = newQueue(size)
	}
	ramp := int64(0)
	if o.streams > 0 {
		ramp = when.begin - when.start
	}
	for token := range l.conns {
		l.conns[token].loop, l.conns[token].token = l, int32(token)
		l.deadlines.Add(when.start+ramp*int64(token)/int64(size), int32(token))
	}
	return l
}

// run returns when the last call that counts has ended. It keeps its thread.
func (l *loop) run() (err error) {
	runtime.LockOSThread()
	if l.poller, err = netpoll.NewPoller(); err != nil {
		return err
	}
	defer l.poller.Close()
	var used [2]netpoll.Usage // at the begin and the end of the measured phase
	for passed := 0; ; {
		now := netpoll.Now()
		for ; passed < 2 && now >= l.boundary(passed); passed++ {
			if used[passed], err = netpoll.ThreadUsage(); err != nil {
				return err
			}
		}
		if passed == 2 && l.done(now) {
			break
		}
		events, err := l.poller.Wait(netpoll.Until(min(l.boundary(passed), l.next())))
		if err != nil {
			return err
		}
		for i := range events {
			l.conns[events[i].Fd].ready(events[i].Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0)
		}
		l.proceed()
	}
	l.figures.used = used[1].Since(used[0])
	l.finish(netpoll.Now())
	return nil
}

func (l *loop) boundary(passed int) int64 {
	return [...]int64{l.begin, l.end, l.giveUp}[passed]
}

// next is the moment of the loop's next own act.
func (l *loop) next() int64 {
	next := l.deadlines.Next()
	if l.pace != nil {
		next = min(next, l.pace.next())
	}
	return next
}

// proceed does what is due.
func (l *loop) proceed() {
	for l.deadlines.Next() <= netpoll.Now() {
		l.dial(&l.conns[l.deadlines.Pop()])
	}
	if l.pace == nil {
		return
	}
	for {
		now := netpoll.Now()
		intended, ok := l.pace.advance(now)
		if !ok {
			return
		}
		if l.measured(intended) {
			l.figures.lag.record(now - intended)
		}
		if c := l.idleConn(); c != nil {
			c.begin(l.pace.take())
		} else if l.pace.overflows() {
			l.giveUpOldest("queue_full")
		}
	}
}

// dial opens a connection; in a closed loop its call begins with it.
func (l *loop) dial(c *conn) {
	if l.pace == nil && !c.wanted {
		c.begin(netpoll.Now())
	}
	c.dial()
}

// free gives a connection that stands its next call, if there is one.
func (l *loop) free(c *conn) {
	switch {
	case l.pace == nil:
		if now := netpoll.Now(); now < l.end {
			c.begin(now)
		}
	case l.pace.pending():
		c.begin(l.pace.take())
	case !c.queued:
		c.queued = true
		l.idle.push(c.token)
	}
}

// idleConn is the connection that is idle for the longest time, so that the load spreads over all; nil if
// none is.
func (l *loop) idleConn() *conn {
	for l.idle.size > 0 {
		c := &l.conns[l.idle.pop()]
		c.queued = false
		if c.state == idle {
			return c
		}
	}
	return nil
}

// replace dials again for a connection that ended.
func (l *loop) replace(c *conn, now int64) {
	if now < l.end || l.pace != nil {
		l.dial(c)
	}
}

// counts says whether an event at now belongs to the measured phase: in an open loop by when its call was
// intended, so that no late answer escapes; in a closed loop by when it happens.
func (l *loop) counts(start, now int64) bool {
	if l.pace != nil {
		return l.measured(start)
	}
	return l.measured(now)
}

func (l *loop) done(now int64) bool {
	return l.pace == nil || l.calls == 0 && !l.pace.pending() || now >= l.giveUp
}

// finish counts what was never answered.
func (l *loop) finish(now int64) {
	for i := range l.conns {
		c := &l.conns[i]
		if c.wanted && c.state != down && l.unanswered(c, now) {
			l.figures.errors["timeout"]++
		}
		c.close()
	}
	for l.pace != nil && l.pace.pending() {
		l.giveUpOldest("timeout")
	}
}

func (l *loop) unanswered(c *conn, now int64) bool {
	if l.pace != nil {
		return l.measured(c.start)
	}
	return now-max(c.start, c.last) > l.patience
}

func (l *loop) giveUpOldest(name string) {
	if l.measured(l.pace.take()) {
		l.figures.errors[name]++
	}
}

// nextKey deals the keys out in turn among the loops.
func (l *loop) nextKey() int {
	key := l.key % len(l.request.keys)
	l.key = key + l.step
	return key
}
