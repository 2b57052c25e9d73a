// Package shim opens the upstream provider's internal package: its path lies below the upstream module's.
package shim

import (
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"github.com/terraform-providers/terraform-provider-docker/internal/provider"
)

// NewProvider returns the upstream provider.
func NewProvider(version string) *schema.Provider { return provider.New(version)() }
