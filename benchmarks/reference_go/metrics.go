package main

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var (
	seconds = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}
	micros  = []float64{.00001, .000025, .00005, .0001, .00025, .0005, .001, .0025, .005, .01, .1}

	dollars = []float64{0, .000001, .0001, .01, 1}

	requestsTotal    = counters("requests_total", "Requests that ended.", "deployment", "status")
	requestsInFlight = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "reference_requests_in_flight", Help: "Requests being worked on.",
	})
	openStreams = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "reference_open_streams", Help: "Streamed responses that have not ended.",
	})
	requestDuration   = histogram("request_duration_seconds", "From a request's head to its response's end.", seconds)
	overhead          = histogram("overhead_seconds", "A request's duration less its waits for providers.", micros)
	receivedBytes     = counter("downstream_received_bytes_total", "Bytes of clients' bodies.")
	sentBytes         = counter("downstream_sent_bytes_total", "Bytes of bodies to clients.")
	clientDisconnects = counter("client_disconnects_total", "Clients that left early.")
	estimatedUsage    = counter("estimated_usage_total", "Calls whose usage the provider did not say.")
	linesDropped      = counter("log_lines_dropped_total", "Lines for which there was no room.")
	logFailures       = counter("log_write_failures_total", "Writes of the log that failed.")
	overshoot         = histogram("budget_overshoot_usd", "By how much a call cost more than was held.", dollars)

	attemptsTotal  = counters("attempts_total", "Attempts upstream.", "deployment")
	failuresTotal  = counters("attempt_failures_total", "Attempts that failed.", "deployment", "kind")
	inputTokens    = counters("input_tokens_total", "Input tokens.", "deployment")
	outputTokens   = counters("output_tokens_total", "Output tokens.", "deployment")
	costTotal      = counters("cost_nano_usd_total", "What calls cost.", "deployment")
	upstreamIn     = counters("upstream_received_bytes_total", "Bytes of providers' bodies.", "deployment")
	upstreamOut    = counters("upstream_sent_bytes_total", "Bytes of bodies to providers.", "deployment")
	upstreamDelays = histograms("upstream_latency_seconds", "From an attempt's begin to the head of its answer.")
	firstContents  = histograms("time_to_first_token_seconds", "From a request's head to the first content sent.")
	gaps           = histograms("inter_chunk_gap_seconds", "Between two pieces of a stream.")
)

func counter(name, help string) prometheus.Counter {
	return promauto.NewCounter(prometheus.CounterOpts{Name: "reference_" + name, Help: help})
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return promauto.NewCounterVec(prometheus.CounterOpts{Name: "reference_" + name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64) prometheus.Histogram {
	return promauto.NewHistogram(prometheus.HistogramOpts{Name: "reference_" + name, Help: help, Buckets: buckets})
}

func histograms(name, help string) *prometheus.HistogramVec {
	options := prometheus.HistogramOpts{Name: "reference_" + name, Help: help, Buckets: seconds}
	return promauto.NewHistogramVec(options, []string{"deployment"})
}

// deploymentMetrics are those of one deployment, looked up once, so that a request only adds.
type deploymentMetrics struct {
	ok                                                        prometheus.Counter
	attempts, inputTokens, outputTokens, cost, received, sent prometheus.Counter
	failures                                                  [failures]prometheus.Counter
	latency, firstContent, gap                                prometheus.Observer
}

func newDeploymentMetrics(id string) deploymentMetrics {
	m := deploymentMetrics{
		ok:           requestsTotal.WithLabelValues(id, "200"),
		attempts:     attemptsTotal.WithLabelValues(id),
		inputTokens:  inputTokens.WithLabelValues(id),
		outputTokens: outputTokens.WithLabelValues(id),
		cost:         costTotal.WithLabelValues(id),
		received:     upstreamIn.WithLabelValues(id),
		sent:         upstreamOut.WithLabelValues(id),
		latency:      upstreamDelays.WithLabelValues(id),
		firstContent: firstContents.WithLabelValues(id),
		gap:          gaps.WithLabelValues(id),
	}
	for f := none; f < failures; f++ {
		m.failures[f] = failuresTotal.WithLabelValues(id, f.String())
	}
	return m
}

// countRequest has the straight path's counter at hand.
func countRequest(d *deployment, status int) {
	switch {
	case d == nil:
		requestsTotal.WithLabelValues("", strconv.Itoa(status)).Inc()
	case status == 200:
		d.metrics.ok.Inc()
	default:
		requestsTotal.WithLabelValues(d.id, strconv.Itoa(status)).Inc()
	}
}

func inSeconds(ns int64) float64 { return float64(ns) / 1e9 }
