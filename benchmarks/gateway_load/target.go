package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Target is where load goes, and what one request of it looks like.
type Target struct {
	url, key, model string
	stream, same    bool
	program         Program
	client          *http.Client
	nonces          atomic.Int64
}

// targetFlags defines the flags that all kinds of load share; call the result after parsing, with the largest number
// of connections.
func targetFlags(flags *flag.FlagSet) func(connections int) *Target {
	url := flags.String("url", "", "address of the gateway, without the /v1")
	key := flags.String("key", "none", "bearer key")
	model := flags.String("model", "m", "model to ask for")
	stream := flags.Bool("stream", false, "ask for streams")
	same := flags.Bool("same", false, "always the same request, so that a cache can answer")
	chunks := flags.Int("chunks", 200, "chunks (words) of an answer")
	gap := flags.Duration("gap", 0, "time between chunks")
	return func(connections int) *Target {
		target := &Target{
			url: *url, key: *key, model: *model, stream: *stream, same: *same,
			program: Program{Chunks: *chunks, Gap: *gap},
			client:  newClient(connections),
		}
		// Nonces of two runs differ, so that a cache never answers by accident.
		target.nonces.Store(time.Now().UnixNano())
		return target
	}
}

func newClient(connections int) *http.Client {
	return &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections, DisableCompression: true,
	}}
}

// nextProgram is the program of the next request, with a nonce that no other one has unless all are to be the same.
func (t *Target) nextProgram() Program {
	program := t.program
	program.Nonce = "same"
	if !t.same {
		program.Nonce = t.newNonce()
	}
	return program
}

func (t *Target) newNonce() string { return fmt.Sprint(t.nonces.Add(1)) }

func (t *Target) request(ctx context.Context, program Program, stream bool) *http.Request {
	body := fmt.Sprintf(`{"model":%q,"temperature":0,"stream":%v,"messages":[{"role":"system","content":"You are terse."},{"role":"user","content":"%s"}]}`,
		t.model, stream, program)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		fail(err)
	}
	request.Header.Set("content-type", "application/json")
	request.Header.Set("authorization", "Bearer "+t.key)
	return request
}

// send makes one request and reads its answer wholly.
func (t *Target) send(ctx context.Context) Reply {
	program := t.nextProgram()
	response, err := t.client.Do(t.request(ctx, program, t.stream))
	if err != nil {
		return Reply{err: err}
	}
	defer response.Body.Close()
	reply := readReply(response, t.stream)
	reply.check(program, t.stream)
	return reply
}
