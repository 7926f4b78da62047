// Pulumi's provider for Kubernetes, as its own main.go starts it. That one does not build from the module: the two
// files are generated before a release, by writing the version into what the module has.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var terraformMapping []byte

var version string

func main() {
	provider.Serve("kubernetes", version, schema, terraformMapping)
}
