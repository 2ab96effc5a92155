package main

import (
	"testing"
	"time"
)

func TestADeploymentCoolsDownAfterFailuresInARow(t *testing.T) {
	for _, f := range []failure{broken, timedOut} {
		d := &deployment{metrics: newDeploymentMetrics("test")}
		for range failuresInARow - 1 {
			d.ended(f, -1)
		}
		d.ended(none, -1)
		for range failuresInARow - 1 {
			d.ended(f, -1)
		}
		if !d.usable(monotonic()) {
			t.Fatalf("%s: too early", f)
		}
		d.ended(f, -1)
		if d.usable(monotonic()) || !d.usable(monotonic()+int64(failureCooldown)) {
			t.Fatalf("%s: until %d", f, d.until.Load())
		}
	}
}

func TestA429CoolsDownForAsLongAsTheProviderSays(t *testing.T) {
	for says, cooldown := range map[time.Duration]time.Duration{-1: defaultCooldown, 0: 0, 30 * time.Second: 30 * time.Second} {
		d := &deployment{metrics: newDeploymentMetrics("test")}
		before := monotonic()
		d.ended(rateLimited, says)
		if until := time.Duration(d.until.Load() - before); until < cooldown || until > cooldown+10*time.Second {
			t.Errorf("%v: %v", says, until)
		}
	}
}

func TestARejectedCredentialStaysOut(t *testing.T) {
	d := &deployment{metrics: newDeploymentMetrics("test")}
	d.ended(credentialRejected, -1)
	if d.usable(monotonic() + int64(100*24*time.Hour)) {
		t.Fatal("it came back")
	}
}
