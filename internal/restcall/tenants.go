package restcall

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/tidegate/tidegate/schemas"
)

var tenantPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// TenantFiles reads entries of a configuration, each TENANT=FILE or FILE for
// calls without a tenant, into files by tenant; "" is calls without one. Errors
// begin with key.
func TenantFiles(key string, entries []string) (map[string]string, error) {
	out := map[string]string{}
	var errs []error
	for _, entry := range entries {
		tenant, file, named := strings.Cut(entry, "=")
		if !named {
			tenant, file = "", entry
		}
		tenant = schemas.TenantName(tenant)
		if _, twice := out[tenant]; twice {
			errs = append(errs, fmt.Errorf("%s: %.40q is there twice", key, tenant))
		}
		if file == "" || tenant != "" && !tenantPattern.MatchString(tenant) {
			errs = append(errs, fmt.Errorf("%s: %.80q is no TENANT=FILE", key, entry))
		}
		out[tenant] = file
	}
	return out, errors.Join(errs...)
}
