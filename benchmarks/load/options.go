package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"
)

// options are the command line.
type options struct {
	target      *url.URL
	method      string
	body        []byte
	headers     []string
	keys        [][]byte
	open        bool
	connections int
	rate        float64
	warmup      time.Duration
	duration    time.Duration
	timeout     time.Duration
	stream      bool
	streams     int
	chunks      int64
	procs       int
	trees       []int
}

func parse(arguments []string) (*options, error) {
	o := &options{}
	set := flag.NewFlagSet("load", flag.ContinueOnError)
	address := set.String("url", "", "http `URL` to call")
	mode := set.String("mode", "closed", "closed: each connection sends when it has its answer; open: at -rate, whatever comes back")
	body := set.String("body", "", "`file` with the body")
	keys := set.String("keys", "", "`file` of bearer keys, one a line, sent in turn")
	set.StringVar(&o.method, "method", "POST", "method")
	set.IntVar(&o.connections, "connections", 1, "keep-alive connections")
	set.Float64Var(&o.rate, "rate", 0, "requests a second of an open loop")
	set.DurationVar(&o.warmup, "warmup", time.Second, "time before the measured phase")
	set.DurationVar(&o.duration, "duration", 5*time.Second, "the measured phase")
	set.DurationVar(&o.timeout, "timeout", 10*time.Second, "how long an open loop waits for its last answers; longer silence at the end of a closed loop is an error")
	set.BoolVar(&o.stream, "stream", false, "the answers are streams of stamped chunks")
	set.IntVar(&o.streams, "streams", 0, "streams to hold open at once, opened over the warm-up (with -stream, instead of -connections)")
	set.Int64Var(&o.chunks, "chunks", 0, "content chunks of each stream, so that a lost tail is seen")
	set.IntVar(&o.procs, "procs", 1, "threads that send")
	set.Func("header", "`name: value` to send; repeatable", func(line string) error {
		name, _, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(line, "\r\n") {
			return errors.New("not name: value")
		}
		o.headers = append(o.headers, line)
		return nil
	})
	set.Func("tree", "`PID` of a process whose tree's CPU time and memory are reported; repeatable", func(text string) error {
		var pid int
		if _, err := fmt.Sscan(text, &pid); err != nil || pid < 1 {
			return errors.New("not a process id")
		}
		o.trees = append(o.trees, pid)
		return nil
	})
	if err := set.Parse(arguments); err != nil {
		return nil, err
	}
	if set.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	o.open = *mode == "open"
	if !o.open && *mode != "closed" {
		return nil, errors.New("-mode is closed or open")
	}
	if err := o.load(*address, *body, *keys); err != nil {
		return nil, err
	}
	return o, o.check()
}

func (o *options) load(address, body, keys string) (err error) {
	if o.target, err = url.Parse(address); err != nil {
		return err
	}
	if o.target.Scheme != "http" || o.target.Host == "" {
		return errors.New("-url is an http:// URL")
	}
	if body != "" {
		if o.body, err = os.ReadFile(body); err != nil {
			return err
		}
	}
	if keys != "" {
		text, err := os.ReadFile(keys)
		if err != nil {
			return err
		}
		if o.keys = bytes.Fields(text); len(o.keys) == 0 {
			return errors.New("-keys has no key")
		}
	}
	return nil
}

func (o *options) check() error {
	if o.streams > 0 {
		if !o.stream || o.open {
			return errors.New("-streams goes with -stream in a closed loop")
		}
		o.connections = o.streams
	}
	switch {
	case o.connections < 1 || o.procs < 1 || o.procs > o.connections:
		return errors.New("-connections and -procs are at least 1, and each thread has a connection")
	case o.open != (o.rate > 0):
		return errors.New("-rate goes with -mode open")
	case o.duration <= 0 || o.warmup < 0 || o.timeout <= 0:
		return errors.New("-duration and -timeout are positive")
	}
	return nil
}
