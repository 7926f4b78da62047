package main

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"
)

func newTestTarget(t *testing.T, handler func(*Engine) *httptest.Server) *Target {
	t.Helper()
	server := handler(&Engine{model: "m"})
	t.Cleanup(server.Close)
	return &Target{url: server.URL, key: "none", model: "m", client: newClient(4)}
}

func startEngine(engine *Engine) *httptest.Server {
	server := httptest.NewUnstartedServer(engine.routes())
	server.Config.ConnContext = rememberConnection
	server.Start()
	return server
}

func TestAWholeAnswerIsAccepted(t *testing.T) {
	for _, stream := range []bool{false, true} {
		target := newTestTarget(t, startEngine)
		target.stream, target.program = stream, Program{Chunks: 20, Gap: time.Microsecond}
		reply := target.send(context.Background())
		if reply.err != nil || reply.firstAt.IsZero() {
			t.Errorf("stream %v: %+v", stream, reply)
		}
		if stream && reply.chunks != 21 { // the last one says why it ended
			t.Errorf("%d chunks", reply.chunks)
		}
	}
}

func TestEveryFaultIsSeen(t *testing.T) {
	for fault, label := range map[string]string{
		"503": "503", "reset": "cut silently", "truncate": "cut silently",
	} {
		target := newTestTarget(t, startEngine)
		program := Program{Chunks: 20, Nonce: "1", Fault: fault, Gap: time.Millisecond}
		ended, serial := exchange(context.Background(), target, program, true)
		if ended.label != label || serial != 0 {
			t.Errorf("%s: %+v", fault, ended)
		}
	}
}

func TestAnswersThatNoGatewayMayGive(t *testing.T) {
	program := Program{Chunks: 2, Nonce: "asked"}
	for label, reply := range map[string]Reply{
		"answer to another request": {status: 200, done: true, mark: "other/7"},
		"cut silently":              {status: 200, mark: "asked/7"},
		"error without a type":      {status: 502},
		"error event":               {status: 200, mark: "asked/7", errorTag: "server_error"},
		"502":                       {status: 502, errorTag: "server_error"},
		"whole":                     {status: 200, done: true, mark: "asked/7"},
	} {
		if ended, _ := judge(reply, program); ended.label != label {
			t.Errorf("%+v was called %q, not %q", reply, ended.label, label)
		}
	}
	for name, reply := range map[string]Reply{
		"another request's": {status: 200, done: true, mark: "other/7", chunks: 3},
		"too few chunks":    {status: 200, done: true, mark: "asked/7", chunks: 1},
		"no end":            {status: 200, mark: "asked/7", chunks: 3},
	} {
		if reply.check(program, true); reply.err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestPercentilesLeaveTheGivenShareBelow(t *testing.T) {
	values := make([]float64, 1000)
	for i := range values {
		values[i] = float64(999 - i)
	}
	if p50, p99 := percentiles(values); p50 != 500 || p99 != 990 {
		t.Errorf("p50 %v, p99 %v", p50, p99)
	}
}
