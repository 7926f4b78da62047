package main

import (
	"context"
	"flag"
	"sync"
	"time"
)

// runClosedLoop keeps a fixed number of requests going: for costs per request, never for latencies.
func runClosedLoop(arguments []string) error {
	flags := flag.NewFlagSet("closed", flag.ExitOnError)
	build := targetFlags(flags)
	duration := flags.Duration("duration", 5*time.Second, "no request begins later than this")
	concurrency := flags.Int("concurrency", 32, "requests going on at once")
	flags.Parse(arguments)
	target := build(*concurrency)
	var gathered recorder
	var workers sync.WaitGroup
	started := time.Now()
	for range *concurrency {
		workers.Go(func() {
			for time.Since(started) < *duration {
				from := time.Now()
				gathered.add(target.send(context.Background()), from)
			}
		})
	}
	workers.Wait()
	return printJSON(gathered.result(time.Since(started).Seconds()))
}
