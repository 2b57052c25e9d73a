// Package randompkg describes the Pulumi package "random" as a bridge over the Terraform provider.
package randompkg

import (
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	sdkbridge "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	upstream "github.com/terraform-providers/terraform-provider-random/shim"

	"slipway.invalid/plugins/internal/bridge"
)

// Name is the name of the Pulumi package.
const Name = "random"

// Info describes the package, so that its tokens are those of the npm package @pulumi/random.
func Info(version string, metadata []byte) sdkbridge.ProviderInfo {
	p := sdkbridge.ProviderInfo{P: tfbridge.ShimProvider(upstream.NewProvider())}
	bridge.Finish(&p, Name, "", version, metadata)
	return p
}
