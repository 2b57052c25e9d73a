// Package tlspkg describes the Pulumi package "tls" as a bridge over the Terraform provider.
package tlspkg

import (
	upstream "github.com/hashicorp/terraform-provider-tls/shim"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	sdkbridge "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"

	"slipway.invalid/plugins/internal/bridge"
)

// Name is the name of the Pulumi package.
const Name = "tls"

// Info describes the package, so that its tokens are those of the npm package @pulumi/tls.
func Info(version string, metadata []byte) sdkbridge.ProviderInfo {
	p := sdkbridge.ProviderInfo{P: tfbridge.ShimProvider(upstream.NewProvider()), GitHubOrg: "hashicorp"}
	bridge.Finish(&p, Name, "tls_", version, metadata)
	return p
}
