package main

import (
	"math"
	"time"
)

// obtain tries the route's deployments in turn, until one has an answer for the client.
func (x *exchange) obtain() *refusal {
	var worst failure
	var short *budget
	soonest := int64(math.MaxInt64)
	for _, d := range x.route.deployments {
		if !d.usable(x.started) {
			soonest = min(soonest, d.until.Load())
			continue
		}
		// A hold is for one attempt: the next deployment may have another price.
		x.held = d.price.cost(usage{input: x.request.input, output: x.request.output})
		if short = x.key.budgets.hold(x.held); short != nil {
			x.held = 0
			continue
		}
		begun := monotonic()
		status, f, retryAfter := x.try(d)
		took := monotonic() - begun
		x.waited += took
		x.attempts = append(x.attempts, attempt{d, f, status, took})
		d.ended(f, retryAfter)
		if f == none {
			return nil
		}
		x.deployment = nil
		x.giveBack()
		worst = max(worst, f)
	}
	switch {
	case worst == rateLimited:
		return tooMany("The provider's rate limit is reached.", time.Second)
	case worst == timedOut:
		return &timeout
	case worst != none:
		return &badGateway
	case short != nil:
		return exceeded(short)
	}
	refused := unhealthy
	if soonest != math.MaxInt64 { // a rejected credential does not come back by itself
		refused.retryAfter = time.Duration(soonest - x.started)
	}
	return &refused
}

// try sends the request to a deployment. If it does not fail, the answer is there: whole, or up to the first
// content of a stream.
func (x *exchange) try(d *deployment) (status int, f failure, retryAfter time.Duration) {
	x.deployment = d
	begun := monotonic()
	body := x.request.render(d.model)
	d.upstream.address(x.upstreamRequest, body)
	d.metrics.attempts.Inc()
	d.metrics.sent.Add(float64(len(body)))
	if err := x.call.open(d.upstream, x.upstreamRequest); err != nil {
		return 0, failureOfError(err), -1
	}
	d.metrics.latency.Observe(inSeconds(monotonic() - begun))
	status = x.call.answer.StatusCode()
	f = failureOf(status)
	x.streams = x.request.stream && x.call.streamed()
	if x.streams {
		x.stream.begin(&x.call, x.request.wantsUsage, x)
		if err := x.stream.prime(); err != nil {
			x.call.release(false)
			return status, failureOfError(err), -1
		}
		return status, f, -1
	}
	if f != none {
		retryAfter = x.call.retryAfter()
	}
	if err := x.call.readBody(); err != nil {
		return status, failureOfError(err), -1
	}
	return status, f, retryAfter
}
