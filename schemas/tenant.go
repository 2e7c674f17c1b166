package schemas

// DefaultTenant stands for no tenant in subjects, metrics, file names and
// lists.
const DefaultTenant = "default"

// TenantLabel is a tenant where there has to be a word: "" is DefaultTenant.
func TenantLabel(tenant string) string {
	if tenant == "" {
		return DefaultTenant
	}
	return tenant
}

// TenantName is a tenant as records have it: DefaultTenant is "".
func TenantName(tenant string) string {
	if tenant == DefaultTenant {
		return ""
	}
	return tenant
}
