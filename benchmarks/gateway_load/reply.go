package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

var (
	eventPrefix   = []byte("data: {")
	donePrefix    = []byte("data: [DONE]")
	errorPrefix   = []byte(`data: {"error"`)
	contentMarker = []byte(`"content":"`)
)

// Reply is what a client has got of one answer.
type Reply struct {
	status   int
	chunks   int       // events of a stream; 0 for a document
	firstAt  time.Time // when the first byte of the body was there
	mark     string    // what the text begins with: nonce/serial
	done     bool      // a stream: [DONE] was read; a document: it was complete
	errorTag string    // the type of an OpenAI error, in whatever form it came
	err      error
}

func readReply(response *http.Response, stream bool) Reply {
	reply := Reply{status: response.StatusCode}
	reader := bufio.NewReaderSize(response.Body, 64<<10)
	if response.StatusCode != http.StatusOK {
		reply.readError(reader)
	} else if stream {
		reply.readStream(reader)
	} else {
		reply.readDocument(reader)
	}
	return reply
}

func (r *Reply) readStream(reader *bufio.Reader) {
	for {
		line, err := reader.ReadSlice('\n')
		if r.firstAt.IsZero() && len(line) > 0 {
			r.firstAt = time.Now()
		}
		switch {
		case bytes.HasPrefix(line, errorPrefix):
			r.errorTag = errorType(line[len("data: "):])
		case bytes.HasPrefix(line, eventPrefix):
			if r.mark == "" {
				r.mark = markOf(line)
			}
			r.chunks++
		case bytes.HasPrefix(line, donePrefix):
			r.done = true
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				r.err = err
			}
			return
		}
	}
}

func (r *Reply) readDocument(reader *bufio.Reader) {
	if _, err := reader.Peek(1); err == nil {
		r.firstAt = time.Now()
	}
	body, err := io.ReadAll(reader)
	r.err = err
	r.mark = markOf(body)
	r.done = err == nil && bytes.HasSuffix(bytes.TrimSpace(body), []byte("}"))
}

func (r *Reply) readError(reader *bufio.Reader) {
	body, err := io.ReadAll(reader)
	r.err = err
	r.errorTag = errorType(body)
}

// markOf finds the mark without parsing the whole: the load shares the machine with what it measures.
func markOf(body []byte) string {
	_, text, found := bytes.Cut(body, contentMarker)
	if !found {
		return ""
	}
	end := bytes.IndexAny(text, ` "`)
	if end < 0 {
		return ""
	}
	return string(text[:end])
}

func errorType(body []byte) string {
	var document struct {
		Error struct {
			Type string `json:"type"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &document) != nil {
		return ""
	}
	return document.Error.Type
}

// nonceAndSerial are the two parts of a mark; the serial is 0 where there is none.
func nonceAndSerial(mark string) (nonce string, serial int64) {
	nonce, text, _ := strings.Cut(mark, "/")
	serial, _ = strconv.ParseInt(text, 10, 64)
	return nonce, serial
}

// check turns an answer that is not the whole answer to its own request into an error.
func (r *Reply) check(program Program, stream bool) {
	nonce, _ := nonceAndSerial(r.mark)
	switch {
	case r.err != nil:
	case r.status != http.StatusOK:
		r.err = fmt.Errorf("status %d, %s", r.status, r.errorTag)
	case !r.done:
		r.err = fmt.Errorf("the answer ended early: %d chunks, error %q", r.chunks, r.errorTag)
	case nonce != program.Nonce:
		r.err = fmt.Errorf("the answer to another request: nonce %q", r.mark)
	case stream && r.chunks < program.Chunks:
		r.err = fmt.Errorf("%d of %d chunks", r.chunks, program.Chunks)
	}
}
