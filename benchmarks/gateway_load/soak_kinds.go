package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"
)

const (
	requestTimeout  = 30 * time.Second
	repeatedPrompts = 50
	slowRead        = 20 * time.Millisecond
	slowReadBytes   = 4096
)

// outcome is how a request ended. `detail` explains those that should not be.
type outcome struct{ label, detail string }

var (
	wrongTenant  = outcome{"answer of another tenant", "the same serial was given to two tenants"}
	disconnected = outcome{label: "left"}
)

// kind is one sort of request. Its run returns the serial number of a whole answer, else 0.
type kind struct {
	name   string
	weight int
	run    func(context.Context, *Target) (outcome, int64)
}

var kinds = []kind{
	{"document", 30, asking(false, Program{Chunks: 50})},
	{"stream", 30, asking(true, Program{Chunks: 50, Gap: 2 * time.Millisecond})},
	{"repeated document", 8, repeating(false)},
	{"repeated stream", 8, repeating(true)},
	{"client leaves", 12, leaving},
	{"slow client", 4, readingSlowly},
	{"engine says 503", 3, asking(true, Program{Chunks: 10, Fault: "503"})},
	{"engine says 500", 3, asking(false, Program{Chunks: 10, Fault: "500"})},
	{"engine resets", 4, asking(true, Program{Chunks: 20, Gap: time.Millisecond, Fault: "reset"})},
	{"engine truncates", 4, asking(true, Program{Chunks: 20, Gap: time.Millisecond, Fault: "truncate"})},
	{"engine stalls", 1, asking(true, Program{Chunks: 20, Gap: time.Millisecond, Fault: "stall"})},
}

func pickKind() kind {
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	at := rand.IntN(total)
	for _, k := range kinds {
		if at -= k.weight; at < 0 {
			return k
		}
	}
	panic("unreachable")
}

func asking(stream bool, program Program) func(context.Context, *Target) (outcome, int64) {
	return func(ctx context.Context, target *Target) (outcome, int64) {
		program := program
		program.Nonce = target.newNonce()
		return exchange(ctx, target, program, stream)
	}
}

// repeating asks one of a few questions again and again, so that a cache answers, and that misses meet.
func repeating(stream bool) func(context.Context, *Target) (outcome, int64) {
	return func(ctx context.Context, target *Target) (outcome, int64) {
		nonce := fmt.Sprint("repeated-", rand.IntN(repeatedPrompts))
		return exchange(ctx, target, Program{Chunks: 50, Gap: time.Millisecond, Nonce: nonce}, stream)
	}
}

func exchange(ctx context.Context, target *Target, program Program, stream bool) (outcome, int64) {
	response, err := target.client.Do(target.request(ctx, program, stream))
	if err != nil {
		return outcome{"connection broken", err.Error()}, 0
	}
	defer response.Body.Close()
	return judge(readReply(response, stream), program)
}

// judge says how an answer ended: whole, with an error that says so, or in a way that no gateway may have.
func judge(reply Reply, program Program) (outcome, int64) {
	nonce, serial := nonceAndSerial(reply.mark)
	switch {
	case reply.mark != "" && nonce != program.Nonce:
		return outcome{"answer to another request", "asked " + program.Nonce + ", got " + reply.mark}, 0
	case reply.status == http.StatusOK && reply.done && reply.errorTag == "":
		return outcome{label: "whole"}, serial
	case reply.status == http.StatusOK && reply.errorTag != "":
		return outcome{label: "error event"}, 0
	case reply.status != http.StatusOK && reply.errorTag != "":
		return outcome{label: fmt.Sprint(reply.status)}, 0
	case reply.status != http.StatusOK:
		return outcome{"error without a type", fmt.Sprint(reply.status, " ", reply.err)}, 0
	}
	return outcome{"cut silently", fmt.Sprint(reply.chunks, " chunks, ", reply.err)}, 0
}

// leaving breaks the connection off at a random moment: before, at and after the first byte.
func leaving(ctx context.Context, target *Target) (outcome, int64) {
	program := Program{Chunks: 100, Gap: 2 * time.Millisecond, Nonce: target.newNonce()}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(rand.Int64N(int64(250*time.Millisecond))))
	defer cancel()
	response, err := target.client.Do(target.request(ctx, program, rand.IntN(3) > 0))
	if err == nil {
		io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
	return disconnected, 0
}

// readingSlowly takes a large answer in small pieces, with rests, so that the gateway's buffers fill.
func readingSlowly(ctx context.Context, target *Target) (outcome, int64) {
	program := Program{Chunks: 200, Nonce: target.newNonce(), PaddingBytes: 5000}
	response, err := target.client.Do(target.request(ctx, program, true))
	if err != nil {
		return outcome{"connection broken", err.Error()}, 0
	}
	defer response.Body.Close()
	response.Body = io.NopCloser(&slowReader{response.Body})
	return judge(readReply(response, true), program)
}

type slowReader struct{ source io.Reader }

func (r *slowReader) Read(into []byte) (int, error) {
	time.Sleep(slowRead)
	return r.source.Read(into[:min(len(into), slowReadBytes)])
}
