package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	idleUpstream     = 90 * time.Second
	maxConnections   = 100_000
	maxAnswer        = 64 << 20
	upstreamPath     = "/v1/chat/completions"
	benchCredential  = "upstream-secret"
	answerBufferSize = 4096
)

var streamedType = []byte("text/event-stream")

// timers are those of a provider: to connect, from the request to the first byte of the answer, and between two
// pieces of it.
type timers struct{ connect, answer, silence time.Duration }

var defaultTimers = timers{connect: 5 * time.Second, answer: 300 * time.Second, silence: 60 * time.Second}

// An upstream is a provider's server: the pool of connections to it, and what each request to it has.
type upstream struct {
	pool          *fasthttp.HostClient
	timers        timers
	host          string
	path          string
	authorization string
}

func newUpstream(base *url.URL, timers timers) *upstream {
	dialer := &net.Dialer{Timeout: timers.connect}
	return &upstream{
		timers: timers,
		pool: &fasthttp.HostClient{
			Addr:                base.Host,
			IsTLS:               base.Scheme == "https",
			Dial:                func(addr string) (net.Conn, error) { return dialer.Dial("tcp", addr) },
			MaxConns:            maxConnections,
			MaxIdleConnDuration: idleUpstream,
			ReadBufferSize:      answerBufferSize,
		},
		host:          base.Host,
		path:          strings.TrimSuffix(base.Path, "/") + upstreamPath,
		authorization: "Bearer " + benchCredential,
	}
}

// address makes request one for this server.
func (u *upstream) address(request *fasthttp.Request, body []byte) {
	request.Reset()
	request.Header.SetMethod(fasthttp.MethodPost)
	request.Header.SetHost(u.host)
	request.Header.SetRequestURI(u.path)
	request.Header.SetContentType("application/json")
	request.Header.Set(fasthttp.HeaderAuthorization, u.authorization)
	request.SetBodyRaw(body)
}

// A call is a request that was sent, and its answer as far as it has come. The connection is the pool's, but the
// reading is done here: HostClient itself neither tells what of a stream has come already nor has a timer between
// chunks.
type call struct {
	timers  timers
	answer  *fasthttp.Response
	conn    net.Conn
	reader  *bufio.Reader
	release func(reusable bool)
}

// open sends the request and returns with the head of the answer. A connection that had served before may have
// been closed in the meantime: then the next one is taken.
func (c *call) open(u *upstream, request *fasthttp.Request) error {
	c.timers = u.timers
	for {
		reused, err := c.try(u.pool, request)
		if err == nil {
			return nil
		}
		if !reused || !closedEarly(err) {
			return err
		}
	}
}

func closedEarly(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func (c *call) try(pool *fasthttp.HostClient, request *fasthttp.Request) (reused bool, err error) {
	conn, err := pool.AcquireConn(0, false)
	if err != nil {
		return false, err
	}
	reused = !conn.LastUseTime().IsZero()
	c.conn = conn.Conn()
	c.reader = pool.AcquireReader(c.conn)
	c.release = func(reusable bool) {
		pool.ReleaseReader(c.reader)
		c.reader = nil
		if reusable {
			pool.ReleaseConn(conn)
		} else {
			pool.CloseConn(conn)
		}
	}
	if err = c.send(pool, request); err != nil {
		c.release(false)
		return reused, err
	}
	// What fails from here on was answered at least in part, so it is no stale connection.
	if err = c.answer.Header.Read(c.reader); err != nil {
		c.release(false)
		return false, err
	}
	return false, nil
}

// send returns when the first byte of the answer is there.
func (c *call) send(pool *fasthttp.HostClient, request *fasthttp.Request) error {
	if err := c.conn.SetDeadline(time.Now().Add(c.timers.answer)); err != nil {
		return err
	}
	writer := pool.AcquireWriter(c.conn)
	err := request.Write(writer)
	if err == nil {
		err = writer.Flush()
	}
	pool.ReleaseWriter(writer)
	if err != nil {
		return err
	}
	_, err = c.reader.Peek(1)
	return err
}

// readBody reads the whole answer, and gives the connection back.
func (c *call) readBody() error {
	var err error
	if c.reader.Buffered() < c.answer.Header.ContentLength() {
		err = c.conn.SetReadDeadline(time.Now().Add(c.timers.silence))
	}
	if err == nil {
		err = c.answer.ReadBody(c.reader, maxAnswer)
	}
	c.release(err == nil && c.reusable())
	return err
}

func (c *call) reusable() bool {
	return c.reader.Buffered() == 0 && !c.answer.ConnectionClose() && c.answer.Header.ContentLength() != untilClose
}

// Content lengths that fasthttp has for bodies of another framing.
const (
	chunked    = -1
	untilClose = -2
)

func (c *call) streamed() bool {
	return c.answer.StatusCode() == fasthttp.StatusOK && bytes.HasPrefix(c.answer.Header.ContentType(), streamedType)
}

// retryAfter is negative if the answer does not say it in seconds.
func (c *call) retryAfter() time.Duration {
	seconds, err := strconv.Atoi(string(c.answer.Header.Peek(fasthttp.HeaderRetryAfter)))
	if err != nil {
		return -1
	}
	return time.Duration(seconds) * time.Second
}
