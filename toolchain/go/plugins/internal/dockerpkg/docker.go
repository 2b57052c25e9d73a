// Package dockerpkg describes the Pulumi package "docker" as a bridge over the Terraform provider.
package dockerpkg

import (
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/info"
	shimv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	upstream "github.com/terraform-providers/terraform-provider-docker/shim"

	"slipway.invalid/plugins/internal/bridge"
)

// Name is the name of the Pulumi package.
const Name = "docker"

// Info describes the package, so that its tokens are those of the npm package @pulumi/docker.
func Info(version string, metadata []byte) tfbridge.ProviderInfo {
	p := tfbridge.ProviderInfo{
		P:         shimv2.NewProvider(upstream.NewProvider(version)),
		GitHubOrg: "kreuzwerker",
		Config: map[string]*info.Schema{
			"host": {Default: &info.Default{EnvVars: []string{"DOCKER_HOST"}}},
			// lists whose names in the npm package are not plurals, here and in docker_container
			"registry_auth": {Name: "registryAuth"},
		},
		Resources: map[string]*info.Resource{
			"docker_image": {
				Tok: tfbridge.MakeResource(Name, "index", "RemoteImage"),
				// an image reference is never made up
				Fields: map[string]*info.Schema{"name": {Name: "name"}},
			},
			"docker_container": {
				Fields: map[string]*info.Schema{
					"command":           {Name: "command"},
					"networks_advanced": {Name: "networksAdvanced"},
				},
			},
			"docker_config": {Tok: tfbridge.MakeResource(Name, "index", "ServiceConfig")},
		},
		DataSources: map[string]*info.DataSource{
			"docker_image": {Tok: tfbridge.MakeDataSource(Name, "index", "getRemoteImage")},
		},
	}
	bridge.Finish(&p, Name, "docker_", version, metadata)
	p.SetAutonaming(255, "-")
	return p
}
