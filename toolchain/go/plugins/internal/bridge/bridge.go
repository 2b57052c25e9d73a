// Package bridge holds what the bridged packages have in common.
package bridge

import (
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
)

// Finish fills in what every package needs: its name, version, metadata and one token in the module "index" for each
// Terraform name not mapped yet. The prefix is what is cut from a Terraform name to make its Pulumi name.
func Finish(p *tfbridge.ProviderInfo, name, prefix, version string, metadata []byte) {
	p.Name = name
	p.Version = version
	p.MetadataInfo = tfbridge.NewProviderMetadata(metadata)
	p.MustComputeTokens(tokens.SingleModule(prefix, "index", tokens.MakeStandard(name)))
}
