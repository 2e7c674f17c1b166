package storetest

import (
	"strings"
	"testing"

	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/vault"
)

// Vault has keys that are the same in every test: what one store has sealed,
// another one opens.
func Vault(t testing.TB) *vault.Vault {
	t.Helper()
	v, err := NewVault()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// NewVault is Vault for a process that a test starts.
func NewVault() (*vault.Vault, error) {
	return vault.New(vault.Keys{
		Active: "k1", Keys: map[string]config.Secret{"k1": config.Secret(strings.Repeat("sealing-key-of-tests ", 2))},
		ActiveIndex: "i1", IndexKeys: map[string]config.Secret{"i1": config.Secret(strings.Repeat("index-key-of-tests ", 2))},
	})
}
