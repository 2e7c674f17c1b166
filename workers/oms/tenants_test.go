package oms_test

import (
	"strings"
	"testing"

	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
)

func TestEachTenantHasItsSystem(t *testing.T) {
	ours, acme := openShop(t), builtin(t, storetest.SQLite(t))
	server := bustest.Start(t)
	start(t, brisk(), oms.Deps{Bus: server.Connect("oms"), Orders: ours, Tenants: map[string]oms.System{"acme": acme.System}})
	b := server.Connect("asker")
	for tenant, want := range map[string][2]int{"": {1, 0}, "other": {1, 0}, "acme": {0, 1}} {
		for i, number := range []string{"20261112003378", acme.Shop.Sent} {
			found, code, text := get[schemas.OrdersFound](t, b, schemas.SubjectOrdersFind, &schemas.OrdersFind{Tenant: tenant, Number: number, BudgetMS: 15000})
			if code != 0 || len(found.Orders) != want[i] {
				t.Errorf("tenant %q, order %d: %+v, %d %s", tenant, i, found, code, text)
			}
		}
	}
}

func TestSystemsOfTenantsAreRead(t *testing.T) {
	cfg := oms.Defaults()
	cfg.Systems = []string{"acme=/etc/shop.yaml", " b = builtin "}
	list, err := cfg.TenantSystems()
	if err != nil || len(list) != 2 || list[0] != (oms.TenantSystem{Tenant: "acme", File: "/etc/shop.yaml"}) || list[1] != (oms.TenantSystem{Tenant: "b", File: oms.Builtin}) {
		t.Errorf("%+v, %v", list, err)
	}
	cfg.Systems = []string{"acme", "=x", "a=", "b=builtin", "b=x", "builtin=x"}
	err = cfg.Validate()
	for _, want := range []string{"systems[0]", "systems[1]", "systems[2]", `systems[4]: tenant "b" has two`, "systems[5]"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name %s", err, want)
		}
	}
}
