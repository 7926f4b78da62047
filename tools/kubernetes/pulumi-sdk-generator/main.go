// Writes the Go package of a Pulumi schema into a folder, as `pulumi package add` does: the CLI has the generator from
// its host for Go, which is no Go module.
//
// Usage: pulumi-sdk-generator SCHEMA FOLDER
package main

import (
	"encoding/json"
	"log"
	"os"
	"path/filepath"

	gogen "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// The package refers to no other one, so that nothing is ever loaded.
type noLoader struct{ schema.Loader }

func main() {
	text, err := os.ReadFile(os.Args[1])
	check(err)
	var spec schema.PackageSpec
	check(json.Unmarshal(text, &spec))
	pkg, diagnostics, err := schema.BindSpec(spec, noLoader{}, schema.ValidationOptions{})
	check(err)
	for _, diagnostic := range diagnostics {
		log.Fatal(diagnostic)
	}
	files, err := gogen.GeneratePackage("pulumi-sdk-generator", pkg, nil)
	check(err)
	for name, content := range files {
		file := filepath.Join(os.Args[2], name)
		check(os.MkdirAll(filepath.Dir(file), 0o755))
		check(os.WriteFile(file, content, 0o644))
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
