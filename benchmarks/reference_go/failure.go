package main

import (
	"errors"
	"net"

	"github.com/valyala/fasthttp"
)

// A failure is why an attempt gave nothing to the client, the most telling one last.
type failure uint8

const (
	none failure = iota
	credentialRejected
	broken // no connection, a broken one, a bad answer, or the provider's own fault
	timedOut
	rateLimited
	failures
)

func (f failure) String() string {
	return [failures]string{"ok", "credential_rejected", "server_error", "timeout", "rate_limited"}[f]
}

// failureOf tells what to make of a status: none if the answer is the client's.
func failureOf(status int) failure {
	switch {
	case status == fasthttp.StatusTooManyRequests:
		return rateLimited
	case status == fasthttp.StatusUnauthorized, status == fasthttp.StatusForbidden:
		return credentialRejected
	case status == fasthttp.StatusOK, status >= 400 && status < 500 && status != fasthttp.StatusRequestTimeout:
		return none
	}
	return broken
}

func failureOfError(err error) failure {
	var timer net.Error
	if errors.As(err, &timer) && timer.Timeout() {
		return timedOut
	}
	return broken
}
