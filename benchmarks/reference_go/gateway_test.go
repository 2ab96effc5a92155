package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

const question = `{"model":"bench","messages":[{"role":"user","content":"Hello"}]}`

func TestAWholeAnswerIsRelayedChargedAndWrittenDown(t *testing.T) {
	var got atomic.Value
	h := start(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got.Store(r.Header.Get("Authorization") + " " + r.URL.Path + " " + string(body))
		answering(200, wholeAnswer)(w, r)
	}, `,"budgets":[{"id":"b","limit_nano":100000000}],"limits":[{"requests_per_minute":10,"tokens_per_minute":100000}]`)
	response, body := h.post(question)
	if response.StatusCode != 200 || body != wholeAnswer {
		t.Fatalf("%d, %s", response.StatusCode, body)
	}
	if want := "Bearer upstream-secret /v1/chat/completions " + question; got.Load() != want {
		t.Fatalf("the provider got %s", got.Load())
	}
	// 100 tokens at 0.15, 100 at 0.075 and 160 at 0.60 USD for a million.
	const cost = 118_500
	for name, want := range map[string]string{
		"X-Reference-Cost-Usd": "0.0001185", "X-Reference-Deployment": "first/bench", "X-Ratelimit-Limit-Requests": "10",
		"X-Ratelimit-Remaining-Requests": "9", "X-Reference-Attempts": "",
	} {
		if response.Header.Get(name) != want {
			t.Errorf("%s: %q", name, response.Header.Get(name))
		}
	}
	if used := h.budget("b").used.Load(); used != cost {
		t.Errorf("%d nano-USD in use", used)
	}
	if entries := h.entries(); len(entries) != 1 || !strings.Contains(string(entries[0]), "vk_1") {
		t.Errorf("entries: %q", entries)
	}
	line := h.logged()[0]
	for name, want := range map[string]any{
		"status": 200., "virtual_key": "vk_1", "model": "bench", "deployment": "first/bench", "input_tokens": 200.,
		"output_tokens": 160., "cached_input_tokens": 100., "cost_nano_usd": float64(cost), "finish": "complete",
		"request_id": response.Header.Get("X-Request-Id"), "bytes_in": float64(len(question)),
	} {
		if line[name] != want {
			t.Errorf("%s: %v", name, line[name])
		}
	}
}

func (h *harness) budget(id string) *budget {
	for _, b := range h.gateway.keys.find([]byte(secret)).budgets {
		if b.id == id {
			return b
		}
	}
	h.t.Fatalf("no budget %s", id)
	return nil
}

func TestWhoHasNoKeyIsRefused(t *testing.T) {
	h := start(t, answering(200, wholeAnswer), "")
	for authorization, code := range map[string]string{"": "missing_virtual_key", "Bearer sk-other": "invalid_virtual_key"} {
		response, body := h.postAs(authorization, question)
		h.refused(response, body, 401, code)
	}
	if len(h.entries()) != 0 {
		t.Error("an entry was written")
	}
}

func TestWhatIsNotAllowedOrKnownIsRefused(t *testing.T) {
	h := start(t, answering(200, wholeAnswer), `,"allowed_models":["bench-s*"]`)
	for _, each := range []struct {
		body   string
		status int
		code   string
	}{
		{question, 403, "model_not_allowed"},
		{`{"model":"gpt"}`, 404, "model_not_found"},
		{`{"model":`, 400, "invalid_json"},
		{"{\"model\":\"\xff\"}", 400, "invalid_json"},
		{`[]`, 400, "invalid_body"},
		{`{}`, 400, "missing_field"},
		{`{"model":1}`, 400, "invalid_field"},
		{`{"model":"bench-s","stream":1}`, 400, "invalid_field"},
		{`{"model":"bench-s","max_tokens":-1}`, 400, "invalid_field"},
		{`{"model":"bench-s","stream_options":{"include_usage":"no"}}`, 400, "invalid_field"},
	} {
		response, body := h.post(each.body)
		h.refused(response, body, each.status, each.code)
	}
	if response, body := h.post(`{"model":"bench-short"}`); response.StatusCode != 200 {
		t.Fatalf("what is allowed: %s", body)
	}
}

func TestABudgetThatDoesNotCoverTheCallRefusesIt(t *testing.T) {
	var asked atomic.Int32
	h := start(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		answering(200, wholeAnswer)(w, r)
	}, `,"budgets":[{"id":"wide","limit_nano":1000000000},{"id":"narrow","limit_nano":120000}]`)
	response, body := h.post(question)
	h.refused(response, body, 402, "budget_exceeded")
	if !strings.Contains(body, "narrow") || asked.Load() != 0 || h.budget("wide").used.Load() != 0 {
		t.Fatalf("%s, asked %d times", body, asked.Load())
	}
	// With a cap on its output it fits: once.
	capped := `{"model":"bench","max_tokens":100}`
	if response, body := h.post(capped); response.StatusCode != 200 {
		t.Fatal(body)
	}
	response, body = h.post(capped)
	h.refused(response, body, 402, "budget_exceeded")
}

func TestARateLimitRefusesWithTheTimeToWait(t *testing.T) {
	h := start(t, answering(200, wholeAnswer), `,"limits":[{"requests_per_minute":1}]`)
	if response, body := h.post(question); response.StatusCode != 200 {
		t.Fatal(body)
	}
	response, body := h.post(question)
	h.refused(response, body, 429, "rate_limit_exceeded")
	if response.Header.Get("Retry-After") != "60" {
		t.Errorf("Retry-After: %q", response.Header.Get("Retry-After"))
	}
}

// unlessSecond fails for the first deployment, which alone gets a model by this name.
func unlessSecond(model string, fails http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Model string }
		body, _ := io.ReadAll(r.Body)
		if json.Unmarshal(body, &asked) == nil && asked.Model == model {
			fails(w, r)
			return
		}
		answering(200, wholeAnswer)(w, r)
	}
}

func TestA429IsAnsweredByTheNextDeployment(t *testing.T) {
	const budget = `,"budgets":[{"id":"b","limit_nano":100000000}]`
	h := start(t, unlessSecond("bench-429", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(429)
	}), budget)
	response, body := h.post(`{"model":"bench-429"}`)
	if response.StatusCode != 200 || body != wholeAnswer {
		t.Fatalf("%d, %s", response.StatusCode, body)
	}
	if tries := response.Header.Get("X-Reference-Attempts"); tries != "first/bench=rate_limited, second/bench=ok" {
		t.Errorf("tries: %s", tries)
	}
	// The first cools down, and is not asked again.
	response, _ = h.post(`{"model":"bench-429"}`)
	if response.Header.Get("X-Reference-Deployment") != "second/bench" || response.Header.Get("X-Reference-Attempts") != "" {
		t.Errorf("headers: %v", response.Header)
	}
	if used := h.budget("b").used.Load(); used != 2*118_500 {
		t.Errorf("%d nano-USD in use: a failed attempt was charged", used)
	}
}

func TestWhatTheClientIsToldWhenEveryDeploymentFails(t *testing.T) {
	for name, each := range map[string]struct {
		provider http.HandlerFunc
		status   int
		code     string
	}{
		"429":     {answering(429, `{}`), 429, "rate_limit_exceeded"},
		"500":     {answering(500, `{}`), 502, "upstream_error"},
		"401":     {answering(401, `{}`), 502, "upstream_error"},
		"3xx":     {answering(302, `{}`), 502, "upstream_error"},
		"break":   {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 502, "upstream_error"},
		"refused": {answering(200, wholeAnswer), 502, "upstream_error"},
		"stall":   {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 504, "upstream_timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.ReadAll(r.Body) // so that net/http sees the gateway leave
				each.provider(w, r)
			}, `,"budgets":[{"id":"b","limit_nano":100000000}]`)
			if name == "refused" {
				h.provider.Close()
			}
			response, body := h.post(question)
			h.refused(response, body, each.status, each.code)
			if used := h.budget("b").used.Load(); used != 0 {
				t.Errorf("%d nano-USD in use", used)
			}
		})
	}
}

func TestWhenAllCoolDownNoneIsAsked(t *testing.T) {
	h := start(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(429)
	}, "")
	h.post(question)
	response, body := h.post(question)
	h.refused(response, body, 503, "no_healthy_deployment")
	if response.Header.Get("Retry-After") != "30" {
		t.Errorf("Retry-After: %q", response.Header.Get("Retry-After"))
	}
}

func TestAnErrorOfTheRequestIsPassedThroughAndNotBilled(t *testing.T) {
	h := start(t, answering(422, `{"error":{"message":"no"}}`), `,"budgets":[{"id":"b","limit_nano":100000000}]`)
	response, body := h.post(question)
	if response.StatusCode != 422 || body != `{"error":{"message":"no"}}` || h.budget("b").used.Load() != 0 {
		t.Fatalf("%d, %s, %d in use", response.StatusCode, body, h.budget("b").used.Load())
	}
	if len(h.entries()) != 0 {
		t.Error("an entry was written")
	}
}
