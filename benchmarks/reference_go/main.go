// Command reference is the gateway that fastgate is compared with: the work of fastgate's hot path, as one writes
// it in Go on fasthttp. What it does and leaves out is in README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

const drainTime = 10 * time.Second

func main() {
	log.SetFlags(0)
	log.SetPrefix("reference: ")
	listen := flag.String("listen", "127.0.0.1:0", "`address` to listen on")
	provider := flag.String("upstream", "", "`URL` of the provider, without a path")
	keys := flag.String("keys", "", "`file` of virtual keys, one JSON object a line")
	data := flag.String("data", "", "`directory` of the journal and the log")
	procs := flag.Int("procs", 0, "processors to use; 0: all")
	flag.Parse()
	if *provider == "" || *keys == "" || *data == "" || flag.NArg() != 0 {
		flag.Usage()
		os.Exit(2)
	}
	if *procs > 0 {
		runtime.GOMAXPROCS(*procs)
	}
	if err := serve(*listen, *provider, *keys, *data); err != nil {
		log.Fatal(err)
	}
}

// serve answers until SIGTERM or SIGINT, then lets the open answers end.
func serve(listen, provider, keys, data string) (err error) {
	ring, err := loadKeys(keys)
	if err != nil {
		return err
	}
	table, err := newRoutes(provider, defaultTimers)
	if err != nil {
		return err
	}
	journal, err := openJournal(filepath.Join(data, "journal"), defaultSegment)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, journal.close()) }()
	lines, err := openLineWriter(filepath.Join(data, "requests.log"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lines.close()) }()
	listener, err := net.Listen("tcp4", listen)
	if err != nil {
		return err
	}
	server := newServer(newGateway(ring, table, journal, lines))
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, syscall.SIGTERM, syscall.SIGINT)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	fmt.Println("reference ready", listener.Addr())
	select {
	case err := <-ended:
		return err
	case <-stopped:
		ctx, cancel := context.WithTimeout(context.Background(), drainTime)
		defer cancel()
		return server.ShutdownWithContext(ctx)
	}
}

var processStart = time.Now()

// monotonic is the time that everything is measured in: nanoseconds since the process began.
func monotonic() int64 { return int64(time.Since(processStart)) }
