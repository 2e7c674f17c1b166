package esl

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Within the hold, arrival may be in any order: what is released is sorted, complete and without doubles.
func TestOrderSortsWithinItsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "n")
		seqs := rapid.Permutation(spread(n)).Draw(t, "arrival")
		o := order{hold: 10 * time.Millisecond}
		now := time.Unix(0, 0)
		var got []Event
		for _, s := range seqs {
			o.push(DTMF{Stamp: Stamp{Sequence: s}}, now)
			if rapid.Bool().Draw(t, "twice") && o.push(DTMF{Stamp: Stamp{Sequence: s}}, now) != duplicate {
				t.Fatal("double not seen")
			}
		}
		if len(o.release(now.Add(9*time.Millisecond), nil)) != 0 {
			t.Fatal("released before its time")
		}
		due, ok := o.next()
		if !ok {
			t.Fatal("nothing due")
		}
		got = o.release(due, got)
		if len(got) != n {
			t.Fatalf("%d of %d", len(got), n)
		}
		for i := 1; i < n; i++ {
			if got[i-1].Origin().Sequence >= got[i].Origin().Sequence {
				t.Fatal("not in order")
			}
		}
		if _, ok := o.next(); ok {
			t.Fatal("something left")
		}
	})
}

func spread(n int) []uint64 {
	s := make([]uint64, n)
	for i := range s {
		s[i] = uint64(100 + 7*i) // gaps are normal: the core counts for all calls
	}
	return s
}

func TestOrderKeepsArrivalWithoutNumbers(t *testing.T) {
	o := order{}
	now := time.Unix(0, 0)
	o.push(DTMF{Stamp: Stamp{Sequence: 5}, Digit: "1"}, now)
	o.push(DTMF{Digit: "2"}, now)
	o.push(DTMF{Digit: "3"}, now)
	var got string
	for _, ev := range o.release(now, nil) {
		got += ev.(DTMF).Digit
	}
	if got != "123" {
		t.Fatal(got)
	}
}

// link.go relies on an unexported function of exactly this version.
func TestVersionOfESLGo(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(mod, []byte("github.com/percipia/eslgo v1.5.2\n")) {
		t.Fatal("go.mod must hold github.com/percipia/eslgo at v1.5.2")
	}
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}{{if .Replace}} replaced{{end}}", "github.com/percipia/eslgo").Output()
	if err != nil {
		t.Skip("go list does not run here")
	}
	if string(bytes.TrimSpace(out)) != "v1.5.2" {
		t.Fatalf("built with %s", out)
	}
}
