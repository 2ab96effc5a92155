package stamp

import "testing"

func stampOf(seq int, sent int64) string {
	text := make([]byte, Size)
	Put(text, seq, sent)
	return string(text)
}

type found struct{ seq, sent int64 }

func scan(pieces ...string) []found {
	var scanner Scanner
	var all []found
	for _, piece := range pieces {
		rest := []byte(piece)
		for {
			seq, sent, after, ok := scanner.Next(rest)
			if !ok {
				break
			}
			all = append(all, found{seq, sent})
			rest = after
		}
	}
	return all
}

func TestFindsStampsAtEverySplit(t *testing.T) {
	text := `data: {"created":1700000000,"delta":{"content":"` + stampOf(0, 12345) + `"},"at":"10:30 "}` +
		`data: {"text":"` + stampOf(41, 1<<62) + stampOf(999_999, 7) + `"}`
	want := []found{{0, 12345}, {41, 1 << 62}, {999_999, 7}}
	for split := 0; split <= len(text); split++ {
		got := scan(text[:split], text[split:])
		if len(got) != len(want) {
			t.Fatalf("split at %d: %v", split, got)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("split at %d: %v", split, got)
			}
		}
	}
}

func TestWhatIsNoStamp(t *testing.T) {
	stamp := stampOf(1, 2)
	for _, text := range []string{
		"data: " + stamp, `"x` + stamp, `"` + stamp[1:], `"` + stamp[:Size-1] + `"`, `"0` + stamp, "\"000001:1 ",
	} {
		if got := scan(text); got != nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}
