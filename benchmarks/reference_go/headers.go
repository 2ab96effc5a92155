package main

import (
	"strconv"

	"github.com/valyala/fasthttp"
)

// setHeaders is done when all is known that goes before the body.
func (x *exchange) setHeaders() {
	header := &x.ctx.Response.Header
	header.SetCanonical(requestIDHeader, x.id)
	own := monotonic() - x.started - x.waited
	overhead.Observe(inSeconds(own))
	x.scratch = strconv.AppendInt(x.scratch[:0], own/1000, 10)
	header.SetCanonical(overheadHeader, x.scratch)
	if x.deployment != nil {
		x.scratch = append(x.scratch[:0], x.deployment.id...)
		header.SetCanonical(deploymentHeader, x.scratch)
		if !x.streams {
			x.scratch = appendUSD(x.scratch[:0], x.cost)
			header.SetCanonical(costHeader, x.scratch)
		}
	}
	if len(x.attempts) > 1 {
		x.scratch = x.scratch[:0]
		for i, a := range x.attempts {
			if i > 0 {
				x.scratch = append(x.scratch, ", "...)
			}
			x.scratch = append(append(append(x.scratch, a.deployment.id...), '='), a.result.String()...)
		}
		header.SetCanonical(attemptsHeader, x.scratch)
	}
	if x.admitted {
		x.setLimits(header)
	}
}

// setLimits names the tightest limit of requests and the tightest of tokens.
func (x *exchange) setLimits(header *fasthttp.ResponseHeader) {
	for m, names := range limitHeaders {
		var tightest *rate
		var left, reset int64
		for _, r := range x.key.limits.rates {
			if r.measure != measure(m) {
				continue
			}
			if units, refilled := r.left(x.started); tightest == nil || units < left {
				tightest, left, reset = r, units, refilled
			}
		}
		if tightest == nil {
			continue
		}
		x.scratch = strconv.AppendInt(x.scratch[:0], tightest.amount, 10)
		header.SetCanonical(names.limit, x.scratch)
		x.scratch = strconv.AppendInt(x.scratch[:0], left, 10)
		header.SetCanonical(names.left, x.scratch)
		x.scratch = append(strconv.AppendInt(x.scratch[:0], (reset+999_999)/1_000_000, 10), "ms"...)
		header.SetCanonical(names.reset, x.scratch)
	}
}

var (
	requestIDHeader  = []byte("X-Request-Id")
	overheadHeader   = []byte("X-Reference-Overhead-Us")
	deploymentHeader = []byte("X-Reference-Deployment")
	attemptsHeader   = []byte("X-Reference-Attempts")
	costHeader       = []byte("X-Reference-Cost-Usd")
	limitHeaders     = [...]struct{ limit, left, reset []byte }{
		ofRequests: {
			limit: []byte("X-Ratelimit-Limit-Requests"),
			left:  []byte("X-Ratelimit-Remaining-Requests"),
			reset: []byte("X-Ratelimit-Reset-Requests"),
		},
		ofTokens: {
			limit: []byte("X-Ratelimit-Limit-Tokens"),
			left:  []byte("X-Ratelimit-Remaining-Tokens"),
			reset: []byte("X-Ratelimit-Reset-Tokens"),
		},
	}
)
