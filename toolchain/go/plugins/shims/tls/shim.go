// Package shim opens the upstream provider's internal package: its path lies below the upstream module's.
package shim

import (
	fwprovider "github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-provider-tls/internal/provider"
)

// NewProvider returns the upstream provider.
func NewProvider() fwprovider.Provider { return provider.New() }
