// Command pulumi-resource-tls is the plugin of @pulumi/tls. Command gen writes the two embedded files before it is built.
package main

import (
	"context"
	_ "embed"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"

	"slipway.invalid/plugins/internal/bridge"
	"slipway.invalid/plugins/internal/tlspkg"
)

//go:embed schema.json
var schema []byte

//go:embed bridge-metadata.json
var metadata []byte

// version is stamped by the build: that of the npm package.
var version = "0.0.0"

func main() {
	bridge.ExitWithParent()
	tfbridge.Main(context.Background(), tlspkg.Name, tlspkg.Info(version, metadata),
		tfbridge.ProviderMetadata{PackageSchema: schema})
}
