package compose_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// `make env` gives every secret a value, and one that was made before a secret
// was asked for, what it lacks: without it compose would refuse to start.
func TestEnvHasEverySecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), ".env")
	run := func() (string, map[string]string) {
		t.Helper()
		out, err := exec.Command("sh", "env.sh", file).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]string{}
		for _, m := range regexp.MustCompile(`(?m)^([A-Z_]+)=(.*)$`).FindAllStringSubmatch(string(text), -1) {
			if _, twice := values[m[1]]; twice {
				t.Errorf("%s stands there twice", m[1])
			}
			values[m[1]] = m[2]
		}
		return string(out), values
	}
	said, first := run()
	if len(first["VAULT_SECRET"]) < 32 || len(first["VAULT_INDEX_SECRET"]) < 32 || first["VAULT_SECRET"] == first["VAULT_INDEX_SECRET"] {
		t.Errorf("keys of the database: %d, %d characters", len(first["VAULT_SECRET"]), len(first["VAULT_INDEX_SECRET"]))
	}
	for name, value := range first {
		if value != "" && strings.Contains(said, value) {
			t.Errorf("the value of %s is printed", name)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if said, again := run(); len(again) != len(first) || again["VAULT_SECRET"] != first["VAULT_SECRET"] || !strings.Contains(said, "stays") {
		t.Errorf("again: %s", said)
	}
	old := "# mine\nPOSTGRES_PASSWORD=mine\nGRAFANA_PASSWORD=x" // and no line's end
	if err := os.WriteFile(file, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	said, added := run()
	if added["POSTGRES_PASSWORD"] != "mine" || added["GRAFANA_PASSWORD"] != "x" || len(added["VAULT_SECRET"]) < 32 || !strings.Contains(said, "VAULT_SECRET") {
		t.Errorf("of before: %s, %d values", said, len(added))
	}
	for name := range first {
		if first[name] != "" && added[name] == "" {
			t.Errorf("%s was not added", name)
		}
	}
}
