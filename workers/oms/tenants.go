package oms

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tidegate/tidegate/schemas"
)

// Builtin names the database as an order system in Config.Systems, and in
// metrics.
const Builtin = "builtin"

// shopOf finds a tenant's order system; whoever is not named in the
// configuration has the built-in one. Calls without a tenant are the default
// tenant's.
func (s *Service) shopOf(tenant string) *shop {
	if tenant == "" {
		tenant = schemas.DefaultTenant
	}
	if sh, ok := s.shops[tenant]; ok {
		return sh
	}
	return s.shops[Builtin]
}

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
		case tenant == Builtin:
			errs = append(errs, fmt.Errorf("systems[%d]: %s is no tenant's name", i, Builtin))
		case slices.ContainsFunc(out, func(s TenantSystem) bool { return s.Tenant == tenant }):
			errs = append(errs, fmt.Errorf("systems[%d]: tenant %.64q has two", i, tenant))
		default:
			out = append(out, TenantSystem{tenant, file})
		}
	}
	return out, errors.Join(errs...)
}
