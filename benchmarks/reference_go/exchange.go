package main

import (
	"bytes"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fastjson"
)

// An attempt is one try at one deployment.
type attempt struct {
	deployment *deployment
	result     failure
	status     int
	took       int64
}

// An exchange is a client's request from its head to the end of its answer, which may be after the handler has
// returned. All are pooled, with their buffers.
type exchange struct {
	gateway  *gateway
	ctx      *fasthttp.RequestCtx
	started  int64
	id       []byte
	request  request
	key      *virtualKey
	route    *route
	admitted bool
	taken    int64 // tokens, from the rates

	upstreamRequest *fasthttp.Request
	call            call
	stream          stream
	answerParser    fastjson.Parser
	attempts        []attempt
	deployment      *deployment // whose answer the client gets
	streams         bool
	held            int64 // nano-USD
	waited          int64 // for providers
	firstContent    int64

	status    int
	code      string
	outcome   string
	usage     usage
	estimated bool
	cost      int64
	bytesOut  int64
	scratch   []byte
}

// What became of an answer, in log and journal.
const (
	complete  = "complete"
	failed    = "error"
	cut       = "cut"
	cancelled = "cancelled"
)

func newExchange(g *gateway) *exchange {
	return &exchange{
		gateway: g, upstreamRequest: &fasthttp.Request{}, call: call{answer: &fasthttp.Response{}},
	}
}

func (x *exchange) begin(ctx *fasthttp.RequestCtx) {
	x.ctx = ctx
	x.started = monotonic()
	x.id = x.gateway.ids.choose(x.id[:0], ctx.Request.Header.Peek("X-Request-Id"))
	x.request.forget()
	x.key, x.route, x.deployment = nil, nil, nil
	x.admitted, x.streams, x.estimated = false, false, false
	x.taken, x.held, x.waited, x.firstContent, x.cost, x.bytesOut = 0, 0, 0, 0, 0, 0
	x.attempts = x.attempts[:0]
	x.status, x.code, x.outcome = 0, "", complete
	x.usage = usage{}
}

// answer is the way of a request in one screen. Where it returns nil, the client has an answer or a stream.
func (x *exchange) answer() *refusal {
	if refused := x.authenticate(); refused != nil {
		return refused
	}
	if refused := x.request.decode(x.ctx.Request.Body()); refused != nil {
		return refused
	}
	if refused := x.choose(); refused != nil {
		return refused
	}
	if refused := x.admit(); refused != nil {
		return refused
	}
	if refused := x.obtain(); refused != nil {
		return refused
	}
	x.relay()
	return nil
}

var bearer = []byte("Bearer ")

func (x *exchange) authenticate() *refusal {
	secret, ok := bytes.CutPrefix(x.ctx.Request.Header.Peek(fasthttp.HeaderAuthorization), bearer)
	if !ok {
		return &missingKey
	}
	if x.key = x.gateway.keys.find(secret); x.key == nil {
		return &invalidKey
	}
	return nil
}

func (x *exchange) choose() *refusal {
	if x.route = x.gateway.routes.find(x.request.model); x.route == nil {
		return unknownModel(x.request.model)
	}
	if !x.key.mayUse(x.request.model) {
		return forbiddenModel(x.request.model)
	}
	return nil
}

func (x *exchange) admit() *refusal {
	limits := &x.key.limits
	x.taken = limits.likely(x.request.input + x.request.output)
	if wait := limits.admit(x.taken, x.started); wait > 0 {
		return tooMany("A rate limit is reached.", time.Duration(wait))
	}
	x.admitted = true
	return nil
}

// relay hands the answer to fasthttp; a whole one is settled before, a stream in the end.
func (x *exchange) relay() {
	response := &x.ctx.Response
	answer := x.call.answer
	x.status = answer.StatusCode()
	response.SetStatusCode(x.status)
	response.Header.SetContentTypeBytes(answer.Header.ContentType())
	if x.streams {
		openStreams.Inc()
		x.firstContent = monotonic()
		x.deployment.metrics.firstContent.Observe(inSeconds(x.firstContent - x.started))
		response.SetBodyStream(&x.stream, -1)
		return
	}
	body := answer.Body()
	x.bytesOut = int64(len(body))
	x.deployment.metrics.received.Add(float64(len(body)))
	if x.status == fasthttp.StatusOK {
		x.readWhole(body)
		x.charge()
	} else {
		x.giveBack()
	}
	// The two change buffers, so nothing is copied.
	answer.SwapBody(response.SwapBody(answer.SwapBody(nil)))
}

func (x *exchange) readWhole(body []byte) {
	var ok bool
	if tree, err := x.answerParser.ParseBytes(body); err == nil {
		x.usage, ok = readUsage(tree.Get("usage"))
	}
	if !ok {
		x.estimate(int64(len(body) / bytesPerToken))
	}
}

// estimate is of a call whose provider does not say what it took.
func (x *exchange) estimate(output int64) {
	x.estimated = true
	x.usage = usage{input: x.request.input, output: output}
	estimatedUsage.Inc()
}

func (x *exchange) piece(gap int64) { x.deployment.metrics.gap.Observe(inSeconds(gap)) }

// streamEnded settles a stream, and ends the exchange.
func (x *exchange) streamEnded(clientLeft bool) {
	s := &x.stream
	openStreams.Dec()
	x.bytesOut = s.bytesOut
	x.deployment.metrics.received.Add(float64(s.bytesIn))
	switch {
	case clientLeft:
		x.outcome = cancelled
		clientDisconnects.Inc()
	case s.failed:
		x.outcome = cut
	}
	x.usage = s.usage
	if !s.reported {
		x.estimate(s.events) // providers send a token with each
	}
	x.charge()
	x.end()
}
