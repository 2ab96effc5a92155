package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestABodyIsChangedOnlyWhereItMustBe(t *testing.T) {
	for _, each := range []struct{ body, model, want string }{
		{` {"model" : "bench" }`, "", ` {"model" : "bench" }`},
		{` {"model" : "bench" }`, "bench", ` {"model" : "bench" }`},
		{`{"model":"bench-a","x":[1.50,"\u00e9\n"]}`, "bench", `{"model":"bench","x":[1.50,"\u00e9\n"]}`},
		{"\n{ \"model\":\"bench\",\"stream\":true}", "", `{"stream_options":{"include_usage":true}, "model":"bench","stream":true}`},
		{`{"model":"bench","stream":true,"stream_options":{"include_usage":true}}`, "", `{"model":"bench","stream":true,"stream_options":{"include_usage":true}}`},
		{`{"model":"bench","stream":true,"stream_options":{"include_usage":false}}`, "", `{"model":"bench","stream":true,"stream_options":{"include_usage":true}}`},
		{`{"model":"bench-a","stream":true}`, "bench", `{"model":"bench","stream":true,"stream_options":{"include_usage":true}}`},
	} {
		var r request
		if refused := r.decode([]byte(each.body)); refused != nil {
			t.Fatalf("%s: %s", each.body, refused.message)
		}
		if got := string(r.render(each.model)); got != each.want {
			t.Errorf("%s for %q: %s", each.body, each.model, got)
		}
	}
}

func TestTheHoldIsForTheLargestCapOfEachChoice(t *testing.T) {
	for body, output := range map[string]int64{
		`{"model":"b"}`:                                            defaultOutput,
		`{"model":"b","max_tokens":10}`:                            10,
		`{"model":"b","max_tokens":null,"n":2}`:                    2 * defaultOutput,
		`{"model":"b","max_tokens":10,"max_completion_tokens":20}`: 20,
		`{"model":"b","max_tokens":10,"n":3}`:                      30,
		`{"model":"b","max_tokens":1000000000,"n":1000000000}`:     maxCap,
	} {
		var r request
		if refused := r.decode([]byte(body)); refused != nil || r.output != output {
			t.Errorf("%s: %d", body, r.output)
		}
	}
}

func TestUSDIsExact(t *testing.T) {
	for nano, want := range map[int64]string{0: "0", 1: "0.000000001", 1_500_000_000: "1.5", 2e9: "2", 118_500: "0.0001185"} {
		if got := string(appendUSD(nil, nano)); got != want {
			t.Errorf("%d: %s", nano, got)
		}
	}
}

func TestTextsOfTheLogAreJSON(t *testing.T) {
	text := "a\"b\\c\n\x00é\u2028"
	var read string
	if err := json.Unmarshal(appendJSON(nil, text), &read); err != nil || read != text {
		t.Fatalf("%q, %v", read, err)
	}
}

func TestKeysShareWhatHasTheSameID(t *testing.T) {
	const about = `,"budgets":[{"id":"team","limit_nano":5},{"id":"%","limit_nano":7}],"limits":[{"id":"team","requests_per_minute":3},{"requests_per_minute":4}]`
	ring := keysOf(t, keyFile("a", strings.ReplaceAll(about, "%", "a"))+keyFile("b", strings.ReplaceAll(about, "%", "b")))
	a, b := ring.find([]byte("a")), ring.find([]byte("b"))
	if a.budgets[0] != b.budgets[0] || a.budgets[1] == b.budgets[1] {
		t.Error("the budgets")
	}
	if a.limits.rates[0] != b.limits.rates[0] || a.limits.rates[1] == b.limits.rates[1] {
		t.Error("the limits")
	}
	if ring.find([]byte("c")) != nil {
		t.Error("a key that nobody has")
	}
}

func TestABrokenFileOfKeysIsNamedByItsLine(t *testing.T) {
	six := `,"budgets":[` + strings.Repeat(`{"id":"x"},`, maxBudgets) + `{"id":"x"}]`
	for _, broken := range []string{"{", `{"hash":"12"}`, keyFile("b", six)} {
		path := filepath.Join(t.TempDir(), "keys")
		fatal(t, os.WriteFile(path, []byte(keyFile("a", "")+broken), 0o600))
		if _, err := loadKeys(path); err == nil || !strings.Contains(err.Error(), ":2: ") {
			t.Errorf("%s: %v", broken, err)
		}
	}
}

func TestAClientsRequestIDIsTakenWhereItIsFit(t *testing.T) {
	ids := newRequestIDs()
	if got := ids.choose(nil, []byte("abc-1")); string(got) != "abc-1" {
		t.Errorf("a fit one: %s", got)
	}
	made := map[string]bool{}
	for _, unfit := range []string{"", "a b", "a\"b", strings.Repeat("a", maxRequestID+1)} {
		made[string(ids.choose(nil, []byte(unfit)))] = true
	}
	if len(made) != 4 || reflect.DeepEqual(made, map[string]bool{"a b": true}) || made["a b"] {
		t.Errorf("unfit ones: %v", made)
	}
	if bytes.ContainsAny(ids.choose(nil, nil), " \"") {
		t.Error("one of our own is unfit")
	}
}
