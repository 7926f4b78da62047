// gateway_load is a fake OpenAI engine and the load that measures a gateway in front of it.
//
// Every command prints one line of JSON and writes why it failed to standard error.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

var commands = map[string]func(arguments []string) error{
	"engine": runEngine,
	"closed": runClosedLoop,
	"open":   runOpenLoop,
	"idle":   runIdleStreams,
	"soak":   runSoak,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fail(fmt.Errorf("usage: gateway_load engine|closed|open|idle|soak [flags]"))
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "gateway_load:", err)
	os.Exit(1)
}

func printJSON(value any) error {
	return json.NewEncoder(os.Stdout).Encode(value)
}
