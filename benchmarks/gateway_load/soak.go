package main

import (
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"
)

// Tally counts how the requests of one kind ended, by outcome.
type Tally map[string]int

// soak is a mixed load that goes on while somebody else kills engines and Redis.
type soak struct {
	tenants []*Target
	slots   chan struct{}

	mutex   sync.Mutex
	tallies map[string]Tally
	owners  map[int64]int // serial of an answer to the tenant that it was given to
	samples []string
}

// runSoak makes requests of all kinds at a constant rate until its input ends, then prints what came of them.
func runSoak(arguments []string) error {
	flags := flag.NewFlagSet("soak", flag.ExitOnError)
	build := targetFlags(flags)
	keys := flags.String("keys", "", "bearer keys, one per tenant, with commas between them")
	rate := flags.Float64("rate", 100, "requests per second")
	connections := flags.Int("connections", 256, "requests going on at once; what comes beyond them is not made")
	flags.Parse(arguments)
	s := &soak{
		slots:   make(chan struct{}, *connections),
		tallies: map[string]Tally{}, owners: map[int64]int{},
	}
	shared := build(*connections)
	for _, key := range strings.Split(*keys, ",") {
		target := &Target{url: shared.url, key: key, model: shared.model, client: shared.client}
		target.nonces.Store(time.Now().UnixNano())
		s.tenants = append(s.tenants, target)
	}
	s.run(*rate)
	return printJSON(map[string]any{"tallies": s.tallies, "samples": s.samples})
}

func (s *soak) run(rate float64) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		os.Stdin.Read(make([]byte, 1))
	}()
	ticks := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer ticks.Stop()
	var requests sync.WaitGroup
	for {
		select {
		case <-ended:
			requests.Wait()
			return
		case <-ticks.C:
		}
		select {
		case s.slots <- struct{}{}:
			requests.Go(func() {
				defer func() { <-s.slots }()
				s.one()
			})
		default:
			s.count("all", "not made: too many going on", "")
		}
	}
}

func (s *soak) one() {
	tenant := rand.IntN(len(s.tenants))
	kind := pickKind()
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	outcome, serial := kind.run(ctx, s.tenants[tenant])
	if serial != 0 {
		s.mutex.Lock()
		owner, known := s.owners[serial]
		s.owners[serial] = tenant
		s.mutex.Unlock()
		if known && owner != tenant {
			outcome = wrongTenant
		}
	}
	s.count(kind.name, outcome.label, outcome.detail)
}

func (s *soak) count(kind, outcome, detail string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.tallies[kind] == nil {
		s.tallies[kind] = Tally{}
	}
	s.tallies[kind][outcome]++
	if detail != "" && len(s.samples) < 20 {
		s.samples = append(s.samples, kind+": "+outcome+": "+detail)
	}
}
