package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
)

type connectionKey struct{}

// Engine answers as its Program says. Every answer begins with the nonce of its request and a serial number of its
// own, so that an answer can be told from every other one, a repeated one too.
type Engine struct {
	model   string
	serials atomic.Int64
	running atomic.Int64
}

type chatRequest struct {
	Stream        bool `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	Messages []struct {
		Content string `json:"content"`
	} `json:"messages"`
}

func runEngine(arguments []string) error {
	flags := flag.NewFlagSet("engine", flag.ExitOnError)
	address := flags.String("address", "127.0.0.1:9000", "where to listen")
	model := flags.String("model", "m", "the model that /v1/models names")
	firstSerial := flags.Int64("first-serial", 0, "serial numbers begin after this one")
	flags.Parse(arguments)
	engine := &Engine{model: *model}
	engine.serials.Store(*firstSerial)
	server := &http.Server{Addr: *address, Handler: engine.routes(), ConnContext: rememberConnection}
	return server.ListenAndServe()
}

// rememberConnection lets an answer reset its connection.
func rememberConnection(ctx context.Context, connection net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, connection)
}

func (e *Engine) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("/v1/models", e.models)
	mux.HandleFunc("/metrics", e.metrics)
	mux.HandleFunc("/count", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, e.serials.Load()) })
	mux.HandleFunc("/v1/chat/completions", e.chat)
	return mux
}

func (e *Engine) models(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("content-type", "application/json")
	fmt.Fprintf(w, `{"object":"list","data":[{"id":%q,"object":"model","created":1,"owned_by":"x","root":%q,"max_model_len":8192}]}`, e.model, e.model)
}

// metrics are the two that routers read of vLLM.
func (e *Engine) metrics(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintf(w, "vllm:num_requests_running{model_name=%q} %d\nvllm:num_requests_waiting{model_name=%q} 0\n",
		e.model, e.running.Load(), e.model)
}

func (e *Engine) chat(w http.ResponseWriter, r *http.Request) {
	var request chatRequest
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &request)
	}
	if err != nil || len(request.Messages) == 0 {
		http.Error(w, `{"error":{"message":"no chat request","type":"invalid_request_error"}}`, http.StatusBadRequest)
		return
	}
	program, err := parseProgram(request.Messages[len(request.Messages)-1].Content)
	if err != nil {
		http.Error(w, `{"error":{"message":"no program","type":"invalid_request_error"}}`, http.StatusBadRequest)
		return
	}
	e.running.Add(1)
	defer e.running.Add(-1)
	a := answer{w: w, request: r, program: program, model: e.model, serial: e.serials.Add(1)}
	if request.Stream {
		a.stream(request.StreamOptions.IncludeUsage)
	} else {
		a.document()
	}
}
