// Command pulumi-resource-docker is the plugin of @pulumi/docker. Command gen writes the two embedded files before it is built.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"

	"slipway.invalid/plugins/internal/bridge"
	"slipway.invalid/plugins/internal/dockerpkg"
)

//go:embed schema.json
var schema []byte

//go:embed bridge-metadata.json
var metadata []byte

// version is stamped by the build: that of the npm package.
var version = "0.0.0"

func main() {
	bridge.ExitWithParent()
	tfbridge.Main(dockerpkg.Name, version, dockerpkg.Info(version, metadata), schema)
}
