package dialog

import (
	"errors"
	"testing"
	"testing/fstest"
)

// TestHostileFlow: a tag without a name once ended the process.
func TestHostileFlow(t *testing.T) {
	for _, text := range []string{
		"phrases:\n  repeat:\n    ! 000000000000000000000000000",
		"flow:\n  ! 000000000000000000000000000",
		"rules:\n  a:\n    ! 0000000000000000000000000",
	} {
		if _, err := LoadFlow(fstest.MapFS{"f/flow.yaml": {Data: []byte(text)}}, "f"); !errors.Is(err, ErrFlow) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
