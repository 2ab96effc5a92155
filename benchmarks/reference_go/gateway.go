package main

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"
)

const (
	maxBody       = 32 << 20
	requestTime   = 60 * time.Second // for a client to send one
	idleTime      = 120 * time.Second
	maxHeadBytes  = 8 << 10
	chatPath      = "/v1/chat/completions"
	metricsPath   = "/metrics"
	maxRequestID  = 128
	requestIDChar = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/+=@-"
)

// A gateway has what its exchanges share.
type gateway struct {
	keys      *keyring
	routes    routes
	journal   *journal
	lines     *lineWriter
	ids       requestIDs
	exchanges sync.Pool
	metrics   fasthttp.RequestHandler
}

func newGateway(keys *keyring, table routes, j *journal, lines *lineWriter) *gateway {
	g := &gateway{keys: keys, routes: table, journal: j, lines: lines, ids: newRequestIDs()}
	g.metrics = fasthttpadaptor.NewFastHTTPHandler(promhttp.Handler())
	g.exchanges.New = func() any { return newExchange(g) }
	return g
}

func newServer(g *gateway) *fasthttp.Server {
	return &fasthttp.Server{
		Handler:               g.handle,
		NoDefaultServerHeader: true,
		ReadTimeout:           requestTime,
		IdleTimeout:           idleTime,
		ReadBufferSize:        maxHeadBytes,
		MaxRequestBodySize:    maxBody,
		Concurrency:           maxConnections,
		CloseOnShutdown:       true,
	}
}

func (g *gateway) handle(ctx *fasthttp.RequestCtx) {
	switch string(ctx.Path()) {
	case chatPath:
		if ctx.IsPost() {
			g.exchange(ctx)
			return
		}
		wrongMethod.write(&ctx.Response)
	case metricsPath:
		g.metrics(ctx)
	default:
		unknownPath.write(&ctx.Response)
	}
}

func (g *gateway) exchange(ctx *fasthttp.RequestCtx) {
	requestsInFlight.Inc()
	x := g.exchanges.Get().(*exchange)
	x.begin(ctx)
	if refused := x.answer(); refused != nil {
		x.refuse(refused)
	}
	x.setHeaders()
	if !x.streams {
		x.end()
	}
}

func (g *gateway) release(x *exchange) { g.exchanges.Put(x) }

// requestIDs are unique by 64 random bits a process and a counter.
type requestIDs struct {
	prefix string
	count  atomic.Uint64
}

func newRequestIDs() requestIDs {
	var random [8]byte
	rand.Read(random[:]) // never fails
	return requestIDs{prefix: "req_" + hex.EncodeToString(random[:])}
}

// choose takes the client's id where it is fit for logs and headers, else a new one.
func (ids *requestIDs) choose(id, offered []byte) []byte {
	if len(offered) > 0 && len(offered) <= maxRequestID && len(bytes.Trim(offered, requestIDChar)) == 0 {
		return append(id, offered...)
	}
	return strconv.AppendUint(append(id, ids.prefix...), ids.count.Add(1), 16)
}
