package ticket

import "testing"

// TestHostileRules: a tag without a name once ended the process.
func TestHostileRules(t *testing.T) {
	if _, err := ParseRules("own.yaml", []byte("rules:\n  ! 000000000000000000000000000"), nil); err == nil {
		t.Fatal("accepted")
	}
}
