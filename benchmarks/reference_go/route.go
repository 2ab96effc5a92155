package main

import (
	"math"
	"net/url"
	"sync/atomic"
	"time"
)

// A price is what tokens cost, in pico-USD each.
type price struct{ input, cached, output int64 }

// benchPrice is the one that fastgate has in the comparison: 0.15, 0.075 and 0.60 USD for a million.
var benchPrice = price{input: 150_000, cached: 75_000, output: 600_000}

const picoPerNano = 1_000

// cost is in nano-USD, rounded half up, once.
func (p price) cost(u usage) int64 {
	pico := (u.input-u.cached)*p.input + u.cached*p.cached + u.output*p.output
	return (pico + picoPerNano/2) / picoPerNano
}

// A deployment is a model at a provider.
type deployment struct {
	id       string
	model    string // sent to the provider; "": as the client asked
	upstream *upstream
	price    price
	until    atomic.Int64 // it cools down until then, by monotonic()
	failures atomic.Int32 // one after the other
	metrics  deploymentMetrics
}

const (
	failuresInARow  = 5
	failureCooldown = 5 * time.Second
	defaultCooldown = time.Second // of a 429 that says no time
)

func (d *deployment) usable(now int64) bool { return d.until.Load() <= now }

// ended notes what became of an attempt. retryAfter is negative where the provider said nothing.
func (d *deployment) ended(f failure, retryAfter time.Duration) {
	switch f {
	case none:
		if d.failures.Load() != 0 {
			d.failures.Store(0)
		}
	case rateLimited:
		if retryAfter < 0 {
			retryAfter = defaultCooldown
		}
		d.until.Store(monotonic() + int64(retryAfter))
	case credentialRejected:
		d.until.Store(math.MaxInt64)
	case timedOut, broken:
		if d.failures.Add(1) >= failuresInARow {
			d.until.Store(monotonic() + int64(failureCooldown))
		}
	}
	if f != none {
		d.metrics.failures[f].Inc()
	}
}

// A route is what serves the models of a glob: its deployments in the order in which they are tried.
type route struct {
	glob        string
	deployments []*deployment
}

type routes []*route

// newRoutes has what the comparison needs: every bench model at one provider, and a second deployment to fall
// back to.
func newRoutes(provider string, timers timers) (routes, error) {
	base, err := url.Parse(provider)
	if err != nil {
		return nil, err
	}
	build := func(id, model string) *deployment {
		return &deployment{
			id: id, model: model, upstream: newUpstream(base, timers), price: benchPrice, metrics: newDeploymentMetrics(id),
		}
	}
	first, second := build("first/bench", ""), build("second/bench", "bench")
	return routes{{glob: "bench*", deployments: []*deployment{first, second}}}, nil
}

// find returns nil for a model that nobody serves.
func (all routes) find(model string) *route {
	for _, r := range all {
		if matches(r.glob, model) {
			return r
		}
	}
	return nil
}
