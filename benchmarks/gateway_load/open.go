package main

import (
	"context"
	"flag"
	"sync"
	"sync/atomic"
	"time"
)

// runOpenLoop begins requests at a constant rate, whether or not earlier ones have been answered. Every time counts
// from when a request was meant to begin, so that a gateway that stands still is charged for everybody who would have
// come meanwhile (no coordinated omission).
func runOpenLoop(arguments []string) error {
	flags := flag.NewFlagSet("open", flag.ExitOnError)
	build := targetFlags(flags)
	rate := flags.Float64("rate", 10, "requests per second")
	duration := flags.Duration("duration", 5*time.Second, "how long requests begin")
	connections := flags.Int("connections", 512, "connections at most; later requests wait for one, and that counts")
	giveUp := flags.Duration("give-up", time.Second, "stop when a request begins this much too late")
	flags.Parse(arguments)
	target := build(*connections)
	total := int(*rate * duration.Seconds())
	intended := make(chan time.Time, total)
	var gathered recorder
	var workers sync.WaitGroup
	var idle atomic.Int64
	var hopeless atomic.Bool
	work := func() {
		for from := range intended {
			idle.Add(-1)
			if time.Since(from) > *giveUp {
				hopeless.Store(true)
			}
			if !hopeless.Load() {
				gathered.add(target.send(context.Background()), from)
			}
			idle.Add(1)
		}
	}
	started := time.Now()
	running := 0
	for i := 0; i < total && !hopeless.Load(); i++ {
		from := started.Add(time.Duration(float64(i) / *rate * float64(time.Second)))
		time.Sleep(time.Until(from))
		if idle.Load() <= int64(len(intended)) && running < *connections {
			running++
			idle.Add(1)
			workers.Go(work)
		}
		intended <- from
	}
	close(intended)
	workers.Wait()
	result := gathered.result(time.Since(started).Seconds())
	result.GivenUp = hopeless.Load()
	return printJSON(result)
}
