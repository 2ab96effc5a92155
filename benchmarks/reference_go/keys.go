package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// A virtualKey is what a client presents, and what holds for it.
type virtualKey struct {
	id, customer, team string
	models             []string // globs; none: every model
	budgets            budgets
	limits             limits
}

func (k *virtualKey) mayUse(model string) bool {
	if len(k.models) == 0 {
		return true
	}
	for _, glob := range k.models {
		if matches(glob, model) {
			return true
		}
	}
	return false
}

// matches compares with a glob that may end in a star.
func matches(glob, name string) bool {
	if prefix, ok := strings.CutSuffix(glob, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	return glob == name
}

type keyHash [sha256.Size]byte

// A keyring finds virtual keys by their secrets' hashes; keys may come and go while others are looked up.
type keyring struct {
	shards [64]struct {
		sync.RWMutex
		keys map[keyHash]*virtualKey
	}
}

func newKeyring() *keyring {
	ring := &keyring{}
	for i := range ring.shards {
		ring.shards[i].keys = make(map[keyHash]*virtualKey)
	}
	return ring
}

func (ring *keyring) put(hash keyHash, key *virtualKey) {
	shard := &ring.shards[int(hash[0])%len(ring.shards)]
	shard.Lock()
	shard.keys[hash] = key
	shard.Unlock()
}

// find returns nil for an unknown secret.
func (ring *keyring) find(secret []byte) *virtualKey {
	hash := keyHash(sha256.Sum256(secret))
	shard := &ring.shards[int(hash[0])%len(ring.shards)]
	shard.RLock()
	key := shard.keys[hash]
	shard.RUnlock()
	return key
}

// keyLine is a line of the file of keys. Budgets and limits that have the same id are the same ones.
type keyLine struct {
	Hash     string       `json:"hash"`
	Key      string       `json:"key"`
	Customer string       `json:"customer"`
	Team     string       `json:"team"`
	Models   []string     `json:"allowed_models"`
	Budgets  []budgetLine `json:"budgets"`
	Limits   []limitLine  `json:"limits"`
}

type budgetLine struct {
	ID    string `json:"id"`
	Limit int64  `json:"limit_nano"`
}

type limitLine struct {
	ID                string `json:"id"`
	RequestsPerMinute int64  `json:"requests_per_minute"`
	RequestsPerDay    int64  `json:"requests_per_day"`
	TokensPerMinute   int64  `json:"tokens_per_minute"`
	Concurrent        int64  `json:"concurrent_requests"`
}

func (line limitLine) build() *limits {
	built := &limits{}
	for _, each := range []struct {
		measure measure
		amount  int64
		period  time.Duration
	}{
		{ofRequests, line.RequestsPerMinute, time.Minute},
		{ofRequests, line.RequestsPerDay, 24 * time.Hour},
		{ofTokens, line.TokensPerMinute, time.Minute},
	} {
		if each.amount > 0 {
			built.rates = append(built.rates, &rate{measure: each.measure, amount: each.amount, period: int64(each.period)})
		}
	}
	if line.Concurrent > 0 {
		built.gauges = append(built.gauges, &gauge{most: line.Concurrent})
	}
	return built
}

// A keyLoader keeps what several keys share.
type keyLoader struct {
	ring    *keyring
	budgets map[string]*budget
	limits  map[string]*limits
}

// loadKeys reads a file of keyLines.
func loadKeys(path string) (*keyring, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	loader := keyLoader{newKeyring(), map[string]*budget{}, map[string]*limits{}}
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		if err := loader.add(lines.Bytes()); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, number, err)
		}
	}
	return loader.ring, lines.Err()
}

func (loader *keyLoader) add(text []byte) error {
	var line keyLine
	if err := json.Unmarshal(text, &line); err != nil {
		return err
	}
	digest, err := hex.DecodeString(line.Hash)
	if err != nil || len(digest) != sha256.Size {
		return fmt.Errorf("no SHA-256 in hexadecimal: %q", line.Hash)
	}
	if len(line.Budgets) > maxBudgets {
		return fmt.Errorf("%s: more than %d budgets", line.Key, maxBudgets)
	}
	key := &virtualKey{id: line.Key, customer: line.Customer, team: line.Team, models: line.Models}
	for _, each := range line.Budgets {
		key.budgets = append(key.budgets, shared(loader.budgets, each.ID, func() *budget {
			return &budget{id: each.ID, limit: each.Limit}
		}))
	}
	for _, each := range line.Limits {
		built := shared(loader.limits, each.ID, each.build)
		key.limits.rates = append(key.limits.rates, built.rates...)
		key.limits.gauges = append(key.limits.gauges, built.gauges...)
	}
	loader.ring.put(keyHash(digest), key)
	return nil
}

// shared returns the one with this id; without an id it is nobody else's.
func shared[T any](known map[string]*T, id string, build func() *T) *T {
	if one, ok := known[id]; ok && id != "" {
		return one
	}
	one := build()
	known[id] = one
	return one
}
