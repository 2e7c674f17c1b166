package store_test

import (
	"strings"
	"testing"

	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
)

// The driver's own errors quote the DSN.
func TestAWrongDSNIsNotQuoted(t *testing.T) {
	for _, dsn := range []config.Secret{
		"postgres://tide:hunter@two%zz@db.example/tide", "postgres://tide:hunter:two%zz@db.example/tide", "postgres://tide:hunter/two@db.example:x/tide",
		"postgres://db.example/tide?user=tide&password=hunter&sslmode=never",
	} {
		cfg := store.Defaults()
		cfg.DSN = dsn
		s, err := store.Open(storetest.Context(t), cfg, store.Deps{})
		if err == nil {
			t.Errorf("DSN accepted")
			_ = s.Close()
			continue
		}
		for _, secret := range []string{"hunter", "two"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("error quotes the password: %v", err)
			}
		}
		if !strings.Contains(err.Error(), "dsn") {
			t.Errorf("error does not name the key: %v", err)
		}
	}
}
