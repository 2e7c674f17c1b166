package oms

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tidegate/tidegate/schemas"
)

// Builtin names the database as an order system in Config.Systems.
const Builtin = "builtin"

// Tenants are order systems by tenant.
type Tenants struct {
	other    System
	byTenant map[string]System
}

// NewTenants gives tenants their systems; whoever is not named has other.
func NewTenants(other System, byTenant map[string]System) *Tenants {
	return &Tenants{other: other, byTenant: maps.Clone(byTenant)}
}

// For is a tenant's order system; the empty tenant is the default one.
func (t *Tenants) For(tenant string) System {
	if s, ok := t.byTenant[tenant]; ok {
		return s
	}
	return t.other
}

// FindOrders asks the system of the question's tenant.
func (t *Tenants) FindOrders(ctx context.Context, q schemas.OrdersFind) (schemas.OrdersFound, error) {
	return t.For(q.Tenant).FindOrders(ctx, q)
}

// Ready asks the database only: the worker goes on answering the tenants
// whose systems are there when one's is away.
func (t *Tenants) Ready(ctx context.Context) error { return t.other.Ready(ctx) }

// TenantSystem is one entry of Config.Systems.
type TenantSystem struct {
	Tenant string
	File   string // or Builtin
}

var errSystems = errors.New("want TENANT=FILE or TENANT=" + Builtin)

// TenantSystems reads Config.Systems, and names every entry that is wrong.
func (c Config) TenantSystems() ([]TenantSystem, error) {
	var out []TenantSystem
	var errs []error
	for i, entry := range c.Systems {
		tenant, file, ok := strings.Cut(entry, "=")
		tenant, file = strings.TrimSpace(tenant), strings.TrimSpace(file)
		switch {
		case !ok || tenant == "" || file == "":
			errs = append(errs, fmt.Errorf("systems[%d]: %w, is %.80q", i, errSystems, entry))
		case slices.ContainsFunc(out, func(s TenantSystem) bool { return s.Tenant == tenant }):
			errs = append(errs, fmt.Errorf("systems[%d]: tenant %.64q has two", i, tenant))
		default:
			out = append(out, TenantSystem{tenant, file})
		}
	}
	return out, errors.Join(errs...)
}
