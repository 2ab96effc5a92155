package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
)

// A refusal is an error of the gateway's own, in OpenAI's shape.
type refusal struct {
	status     int
	kind       string
	code       string
	message    string
	param      string
	retryAfter time.Duration
}

const (
	invalidRequest = "invalid_request_error"
	authentication = "authentication_error"
)

var (
	missingKey = refusal{
		status: 401, kind: authentication, code: "missing_virtual_key",
		message: "No virtual key: send it as a bearer token.",
	}
	invalidKey = refusal{
		status: 401, kind: authentication, code: "invalid_virtual_key",
		message: "This virtual key is not known.",
	}
	invalidJSON = refusal{
		status: 400, kind: invalidRequest, code: "invalid_json",
		message: "The body is not valid JSON.",
	}
	invalidBody = refusal{
		status: 400, kind: invalidRequest, code: "invalid_body",
		message: "The body is not a JSON object.",
	}
	missingModel = refusal{
		status: 400, kind: invalidRequest, code: "missing_field",
		message: "The field model is missing.", param: "model",
	}
	unknownPath = refusal{
		status: 404, kind: invalidRequest, code: "unknown_path",
		message: "There is no such endpoint.",
	}
	wrongMethod = refusal{
		status: 405, kind: invalidRequest, code: "method_not_allowed",
		message: "The endpoint takes POST.",
	}
	unhealthy = refusal{
		status: 503, kind: "server_error", code: "no_healthy_deployment",
		message: "All deployments of the model are cooling down.",
	}
	badGateway = refusal{
		status: 502, kind: "upstream_error", code: "upstream_error",
		message: "Every attempt failed.",
	}
	brokenOff = refusal{
		status: 502, kind: "upstream_error", code: "upstream_error",
		message: "The provider broke off.",
	}
	fellSilent = refusal{
		status: 504, kind: "timeout_error", code: "upstream_timeout",
		message: "The provider fell silent.",
	}
	timeout = refusal{
		status: 504, kind: "timeout_error", code: "upstream_timeout",
		message: "No deployment answered in time.",
	}
)

func invalidField(name string) *refusal {
	return &refusal{
		status: 400, kind: invalidRequest, code: "invalid_field",
		message: "The field " + name + " is not valid.", param: name,
	}
}

func unknownModel(model string) *refusal {
	return &refusal{
		status: 404, kind: invalidRequest, code: "model_not_found",
		message: fmt.Sprintf("No provider serves %q.", model), param: "model",
	}
}

func forbiddenModel(model string) *refusal {
	return &refusal{
		status: 403, kind: "permission_error", code: "model_not_allowed",
		message: fmt.Sprintf("This virtual key may not use %q.", model), param: "model",
	}
}

func exceeded(b *budget) *refusal {
	return &refusal{
		status: 402, kind: "billing_error", code: "budget_exceeded",
		message: fmt.Sprintf("The budget %s does not cover what this call may cost.", b.id),
	}
}

func tooMany(message string, wait time.Duration) *refusal {
	return &refusal{status: 429, kind: "rate_limit_error", code: "rate_limit_exceeded", message: message, retryAfter: wait}
}

// body is what a client's SDK reads: all four fields, always.
func (r *refusal) body() []byte {
	var param *string
	if r.param != "" {
		param = &r.param
	}
	text, err := json.Marshal(map[string]any{
		"error": map[string]any{"message": r.message, "type": r.kind, "param": param, "code": r.code},
	})
	if err != nil {
		panic(err) // strings only
	}
	return text
}

func (r *refusal) write(response *fasthttp.Response) {
	response.SetStatusCode(r.status)
	response.Header.SetContentType("application/json")
	if r.retryAfter > 0 {
		seconds := (r.retryAfter + time.Second - 1) / time.Second
		response.Header.Set(fasthttp.HeaderRetryAfter, strconv.Itoa(int(seconds)))
	}
	response.SetBodyRaw(r.body())
}
