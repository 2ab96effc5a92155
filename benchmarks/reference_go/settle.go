package main

import (
	"encoding/binary"
	"log"
	"strconv"
	"time"
)

// giveBack ends an attempt that is not billed.
func (x *exchange) giveBack() {
	x.key.budgets.settle(x.held, 0)
	x.held = 0
}

// charge ends the attempt that is billed: it is journaled before its hold is replaced by its cost.
func (x *exchange) charge() {
	d := x.deployment
	x.cost = d.price.cost(x.usage)
	x.scratch = x.appendEntry(x.scratch[:0])
	if err := x.gateway.journal.append(x.scratch); err != nil {
		log.Fatal("the journal cannot be written: ", err) // no call may be made that is not recorded
	}
	x.key.budgets.settle(x.held, x.cost)
	overshoot.Observe(float64(max(x.cost-x.held, 0)) / 1e9)
	d.metrics.inputTokens.Add(float64(x.usage.input))
	d.metrics.outputTokens.Add(float64(x.usage.output))
	d.metrics.cost.Add(float64(x.cost))
}

// appendEntry encodes a ledger entry: times and numbers as varints, texts with their length.
func (x *exchange) appendEntry(entry []byte) []byte {
	for _, n := range [...]int64{
		time.Now().UnixNano(), monotonic() - x.started, x.firstContent, int64(x.call.answer.StatusCode()),
		int64(len(x.attempts)), x.usage.input, x.usage.cached, x.usage.output, x.usage.reasoning, x.held, x.cost,
	} {
		entry = binary.AppendVarint(entry, n)
	}
	entry = strconv.AppendBool(entry, x.estimated)
	entry = appendText(entry, x.id)
	for _, text := range [...]string{
		x.key.id, x.key.customer, x.key.team, x.request.model, x.deployment.id, x.outcome,
	} {
		entry = appendText(entry, text)
	}
	for _, b := range x.key.budgets {
		entry = appendText(entry, b.id)
	}
	return entry
}

func appendText[T string | []byte](entry []byte, text T) []byte {
	return append(binary.AppendUvarint(entry, uint64(len(text))), text...)
}

// refuse answers with an error of the gateway's own.
func (x *exchange) refuse(r *refusal) {
	x.status, x.code, x.outcome, x.streams = r.status, r.code, failed, false
	r.write(&x.ctx.Response)
	x.bytesOut = int64(len(x.ctx.Response.Body()))
}

// end settles what every exchange has, exactly once: limits, metrics and one line of the log.
func (x *exchange) end() {
	now := monotonic()
	if x.admitted {
		excess := -x.taken
		if x.deployment != nil {
			excess += x.usage.input + x.usage.output
		}
		x.key.limits.leave(excess, now)
	}
	countRequest(x.deployment, x.status)
	requestDuration.Observe(inSeconds(now - x.started))
	receivedBytes.Add(float64(len(x.request.body)))
	sentBytes.Add(float64(x.bytesOut))
	requestsInFlight.Dec()
	x.scratch = x.appendLine(x.scratch[:0], now)
	x.gateway.lines.write(x.scratch)
	x.gateway.release(x)
}
