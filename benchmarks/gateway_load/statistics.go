package main

import (
	"slices"
	"sync"
	"time"
)

// Measured is what a load has seen.
type Measured struct {
	Seconds             float64 `json:"seconds"`
	Requests            int     `json:"requests"`
	Chunks              int     `json:"chunks"`
	Errors              int     `json:"errors"`
	FirstError          string  `json:"first_error"`
	GivenUp             bool    `json:"given_up"`
	LatencyP50Seconds   float64 `json:"latency_p50_seconds"`
	LatencyP99Seconds   float64 `json:"latency_p99_seconds"`
	FirstByteP50Seconds float64 `json:"first_byte_p50_seconds"`
	FirstByteP99Seconds float64 `json:"first_byte_p99_seconds"`
}

// recorder gathers replies of many goroutines.
type recorder struct {
	mutex      sync.Mutex
	measured   Measured
	latencies  []float64
	firstBytes []float64
}

// add takes a reply; times count from `from`.
func (r *recorder) add(reply Reply, from time.Time) {
	latency := time.Since(from).Seconds()
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.measured.Requests++
	r.measured.Chunks += reply.chunks
	if reply.err != nil {
		r.measured.Errors++
		if r.measured.FirstError == "" {
			r.measured.FirstError = reply.err.Error()
		}
		return
	}
	r.latencies = append(r.latencies, latency)
	r.firstBytes = append(r.firstBytes, reply.firstAt.Sub(from).Seconds())
}

func (r *recorder) result(seconds float64) Measured {
	r.measured.Seconds = seconds
	r.measured.LatencyP50Seconds, r.measured.LatencyP99Seconds = percentiles(r.latencies)
	r.measured.FirstByteP50Seconds, r.measured.FirstByteP99Seconds = percentiles(r.firstBytes)
	return r.measured
}

func percentiles(values []float64) (p50, p99 float64) {
	slices.Sort(values)
	return percentile(values, 0.5), percentile(values, 0.99)
}

// percentile of sorted values: the smallest that at least this fraction of all are not above.
func percentile(sorted []float64, fraction float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(fraction*float64(len(sorted))))]
}
