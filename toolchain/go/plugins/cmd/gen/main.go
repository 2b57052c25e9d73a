// Command gen writes schema.json and bridge-metadata.json into the folder of each plugin below the current folder.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfgen"
	md "github.com/pulumi/pulumi-terraform-bridge/v3/unstable/metadata"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"

	"slipway.invalid/plugins/internal/dockerpkg"
	"slipway.invalid/plugins/internal/randompkg"
	"slipway.invalid/plugins/internal/tlspkg"
)

func main() {
	for name, info := range map[string]func(string, []byte) tfbridge.ProviderInfo{
		dockerpkg.Name: dockerpkg.Info, randompkg.Name: randompkg.Info, tlspkg.Name: tlspkg.Info,
	} {
		if err := generate(name, info); err != nil {
			fmt.Fprintln(os.Stderr, name+":", err)
			os.Exit(1)
		}
	}
}

func generate(name string, info func(string, []byte) tfbridge.ProviderInfo) error {
	p := info("0.0.0", []byte("{}"))
	res, err := tfgen.GenerateSchemaWithOptions(tfgen.GenerateSchemaOptions{
		ProviderInfo:    p,
		DiagnosticsSink: diag.DefaultSink(os.Stdout, os.Stderr, diag.FormatOptions{Color: colors.Never}),
		XInMemoryDocs:   true,
	})
	if err != nil {
		return err
	}
	spec := res.PackageSpec
	spec.Version = ""
	data, err := json.MarshalIndent(spec, "", " ")
	if err != nil {
		return err
	}
	dir := filepath.Join("cmd", "pulumi-resource-"+name)
	if err := os.WriteFile(filepath.Join(dir, "schema.json"), data, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "bridge-metadata.json"), (*md.Data)(p.MetadataInfo.Data).MarshalIndent(), 0o644)
}
