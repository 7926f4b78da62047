package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Program is what one answer of the engine looks like. It travels in the last user message, which every gateway
// passes on untouched: `chunks=200&gap=5ms&nonce=17 What is a mooring?`.
type Program struct {
	Chunks       int
	Gap          time.Duration
	Nonce        string
	Fault        string // a status, e.g. 503; or reset, truncate, stall: after half of a stream
	PaddingBytes int    // makes every chunk this much longer
}

func (p Program) String() string {
	text := fmt.Sprintf("chunks=%d&gap=%s&nonce=%s", p.Chunks, p.Gap, p.Nonce)
	if p.Fault != "" {
		text += "&fault=" + p.Fault
	}
	if p.PaddingBytes > 0 {
		text += fmt.Sprintf("&padding=%d", p.PaddingBytes)
	}
	return text + " What is a mooring?"
}

func parseProgram(message string) (Program, error) {
	text, _, _ := strings.Cut(message, " ")
	values, err := url.ParseQuery(text)
	if err != nil {
		return Program{}, err
	}
	chunks, err := strconv.Atoi(values.Get("chunks"))
	if err != nil {
		return Program{}, fmt.Errorf("no program in the last message: %w", err)
	}
	gap, err := time.ParseDuration(values.Get("gap"))
	if err != nil {
		return Program{}, err
	}
	padding, _ := strconv.Atoi(values.Get("padding"))
	return Program{
		Chunks: chunks, Gap: gap, Nonce: values.Get("nonce"), Fault: values.Get("fault"), PaddingBytes: padding,
	}, nil
}
