package main

import (
	"context"
	"flag"
	"io"
	"os"
	"sync"
	"time"
)

// runIdleStreams opens streams whose second chunk never comes, says so, and holds them until its input ends.
func runIdleStreams(arguments []string) error {
	flags := flag.NewFlagSet("idle", flag.ExitOnError)
	build := targetFlags(flags)
	streams := flags.Int("streams", 1000, "streams to open")
	atOnce := flags.Int("at-once", 20, "streams that are being opened at a time")
	patience := flags.Duration("patience", time.Minute, "how long all of them may take to open")
	flags.Parse(arguments)
	target := build(*streams)
	target.program = Program{Chunks: 2, Gap: time.Hour}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	late := time.AfterFunc(*patience, cancel)
	slots := make(chan struct{}, *atOnce)
	var opening sync.WaitGroup
	var mutex sync.Mutex
	result := struct {
		Opened     int    `json:"opened"`
		FirstError string `json:"first_error"`
	}{}
	for range *streams {
		slots <- struct{}{}
		opening.Go(func() {
			defer func() { <-slots }()
			err := openStream(ctx, target)
			mutex.Lock()
			defer mutex.Unlock()
			if err == nil {
				result.Opened++
			} else if result.FirstError == "" {
				result.FirstError = err.Error()
			}
		})
	}
	opening.Wait()
	late.Stop()
	if err := printJSON(result); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// openStream returns when the first chunk is there; the stream stays open until `ctx` ends.
func openStream(ctx context.Context, target *Target) error {
	response, err := target.client.Do(target.request(ctx, target.nextProgram(), true))
	if err != nil {
		return err
	}
	_, err = io.ReadFull(response.Body, make([]byte, 1))
	return err
}
