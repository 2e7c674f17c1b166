package storetest

import (
	"strings"
	"testing"

	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/vault"
)

// Keys are the same in every test: what one store has sealed, another one
// opens, also in a process of its own.
func Keys() vault.Keys {
	return vault.Keys{
		Active: "k1", Keys: map[string]config.Secret{"k1": config.Secret(strings.Repeat("sealing-key-of-tests ", 2))},
		ActiveIndex: "i1", IndexKeys: map[string]config.Secret{"i1": config.Secret(strings.Repeat("index-key-of-tests ", 2))},
	}
}

// Vault has Keys.
func Vault(t testing.TB) *vault.Vault {
	t.Helper()
	v, err := vault.New(Keys())
	if err != nil {
		t.Fatal(err)
	}
	return v
}
