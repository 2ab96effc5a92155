// Command upstream is a simulated provider for benchmarks: OpenAI's POST /v1/chat/completions and
// Anthropic's POST /v1/messages from pre-built bytes. What it does depends on the model's name; see
// benchmarks/README.md.
package main

import (
	"flag"
	"fmt"
	"log"
	"runtime"

	"fastgate/benchmarks/internal/netpoll"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("upstream: ")
	listen := flag.String("listen", "127.0.0.1:0", "`address` to listen on")
	procs := flag.Int("procs", 1, "threads that answer")
	flag.Parse()
	if flag.NArg() > 0 || *procs < 1 {
		flag.Usage()
		log.Fatal("no arguments, and at least one thread")
	}
	runtime.GOMAXPROCS(*procs + 1) // a loop that waits keeps its place in Go's scheduler
	log.Fatal(run(*listen, *procs))
}

// run returns only with an error.
func run(listen string, procs int) error {
	address, err := netpoll.Resolve(listen)
	if err != nil {
		return err
	}
	var shared counters
	failed := make(chan error)
	for range procs {
		listener, err := netpoll.Listen(address, procs > 1)
		if err != nil {
			return err
		}
		go func() {
			runtime.LockOSThread()
			s, err := newServer(listener, &shared)
			if err == nil {
				err = s.serve()
			}
			failed <- err
		}()
	}
	fmt.Println("upstream ready")
	return <-failed
}
