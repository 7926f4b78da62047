package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const promptTokens = 20

// answer is one answer of the engine, on its way.
type answer struct {
	w       http.ResponseWriter
	request *http.Request
	program Program
	model   string
	serial  int64
}

// mark is what an answer's text begins with.
func (a *answer) mark() string { return fmt.Sprintf("%s/%d ", a.program.Nonce, a.serial) }

func (a *answer) usage() string {
	chunks := a.program.Chunks
	return fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}`,
		promptTokens, chunks, chunks+promptTokens)
}

func (a *answer) document() {
	a.wait(a.program.Gap * time.Duration(a.program.Chunks))
	if a.refused() || a.broke() {
		return
	}
	a.w.Header().Set("content-type", "application/json")
	text := a.mark() + strings.Repeat("word ", a.program.Chunks)
	fmt.Fprintf(a.w, `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":%q,"choices":[{"index":0,`+
		`"message":{"role":"assistant","content":%q},"finish_reason":"stop"}],"usage":%s}`, a.model, text, a.usage())
}

func (a *answer) stream(includeUsage bool) {
	if a.refused() {
		return
	}
	a.w.Header().Set("content-type", "text/event-stream; charset=utf-8")
	padding := strings.Repeat(".", a.program.PaddingBytes)
	for index := range a.program.Chunks {
		if index == a.program.Chunks/2 && a.broke() {
			return
		}
		text := "w" + strconv.Itoa(index) + padding + " "
		if index == 0 {
			text = a.mark()
		}
		a.event(`[{"index":0,"delta":{"content":"`+text+`"},"finish_reason":null}]`, "")
		a.w.(http.Flusher).Flush()
		if a.program.Gap > 0 && !a.wait(a.program.Gap) {
			return
		}
	}
	a.event(`[{"index":0,"delta":{},"finish_reason":"stop"}]`, "")
	if includeUsage {
		a.event("[]", `,"usage":`+a.usage())
	}
	io.WriteString(a.w, "data: [DONE]\n\n")
}

func (a *answer) event(choices, more string) {
	io.WriteString(a.w, `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"`+a.model+
		`","choices":`+choices+more+"}\n\n")
}

// refused answers with the program's status, where it has one.
func (a *answer) refused() bool {
	status, err := strconv.Atoi(a.program.Fault)
	if err != nil {
		return false
	}
	a.w.Header().Set("content-type", "application/json")
	a.w.WriteHeader(status)
	io.WriteString(a.w, `{"error":{"message":"the engine was told to fail","type":"server_error"}}`)
	return true
}

// broke lets the program's fault happen, where it has one.
func (a *answer) broke() bool {
	switch a.program.Fault {
	case "":
		return false
	case "stall":
		<-a.request.Context().Done()
		return true
	case "reset":
		a.request.Context().Value(connectionKey{}).(*net.TCPConn).SetLinger(0)
	}
	panic(http.ErrAbortHandler) // closes the connection before the answer's end
}

// wait is false when the client has left meanwhile.
func (a *answer) wait(duration time.Duration) bool {
	if duration <= 0 {
		return true
	}
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-a.request.Context().Done():
		return false
	}
}
