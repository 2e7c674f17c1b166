package orchestrator

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/tidegate/tidegate/orchestrator/dialog"
)

// flowRoute is the flow that calls to the numbers that begin with digits are
// led by.
type flowRoute struct {
	digits string
	open   bool // more digits may follow
	flow   string
	tenant string // empty: that of the configuration
}

// routes reads Flows, the longest numbers first, and ends with the flow of all
// other numbers.
func (c Config) routes() ([]flowRoute, error) {
	var routes []flowRoute
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf("flows: "+format, a...)) }
	for _, entry := range c.Flows {
		pattern, flow, ok := strings.Cut(entry, "=")
		digits, open := strings.CutSuffix(strings.TrimSpace(pattern), "*")
		r := flowRoute{digits: bareNumber(digits), open: open, flow: strings.TrimSpace(flow)}
		if i := strings.LastIndex(r.flow, "@"); i >= 0 {
			r.flow, r.tenant = r.flow[:i], r.flow[i+1:]
			if r.tenant == "" {
				bad("%.64q: a tenant must follow the @", entry)
				continue
			}
		}
		switch {
		case !ok || r.flow == "" || r.digits == "":
			bad("must be NUMBER=FLOW or NUMBER=FLOW@TENANT, is %.64q", entry)
		case slices.ContainsFunc(routes, func(o flowRoute) bool { return o.digits == r.digits && o.open == r.open }):
			bad("%.64q: the number stands twice", entry)
		default:
			routes = append(routes, r)
		}
	}
	slices.SortStableFunc(routes, func(a, b flowRoute) int {
		if a.digits == b.digits && a.open != b.open {
			return map[bool]int{true: 1, false: -1}[a.open]
		}
		return len(b.digits) - len(a.digits)
	})
	return append(routes, flowRoute{open: true, flow: c.FlowDir}), errors.Join(errs...)
}

// matches says whether calls to a number take the route.
func (r flowRoute) matches(number string) bool {
	if r.open {
		return strings.HasPrefix(number, r.digits)
	}
	return number == r.digits
}

// openFlow finds the folder of a flow: the default one by no name, one on disk,
// or a built-in one. What is on disk can change.
func openFlow(name string) (folder fs.FS, onDisk bool, err error) {
	if name == "" {
		return dialog.Shipped(), false, nil
	}
	info, err := os.Stat(name)
	if err == nil && info.IsDir() {
		return os.DirFS(name), true, nil
	}
	folder, shippedErr := dialog.ShippedFlow(name)
	if shippedErr == nil {
		return folder, false, nil
	}
	if err == nil {
		err = fmt.Errorf("%s: no folder", name)
	}
	return nil, false, errors.Join(err, shippedErr)
}

// flowLabel is the name of a flow in metrics and logs.
func flowLabel(f *dialog.Flow) string { return f.Name() + "/" + f.Language() }

// tenantOf is the tenant of a route's calls.
func (c Config) tenantOf(r flowRoute) string { return cmp.Or(r.tenant, c.Tenant) }
