package standalone

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// program writes a shell script that stands for tidegate.
func program(t *testing.T, script string) Options {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tidegate")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return Options{Path: path, Dir: t.TempDir(), Flags: []string{"--more=1"}, Env: []string{"MORE=2"}}
}

func TestStartAndInterrupt(t *testing.T) {
	p, err := Start(t.Context(), program(t, `trap 'echo bye; exit 0' INT
echo "$@ $MORE"
echo "Tidegate is up."
while :; do sleep 0.05; done`))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	for _, want := range []string{"--devswitch.sip_listen=" + p.SIP, "--console.listen=" + p.API, "--ops.listen=" + p.Ops, "--more=1 2"} {
		if !strings.Contains(p.Output(), want) {
			t.Errorf("%s was not said to %s", want, p.Output())
		}
	}
	if err := p.Interrupt(); err != nil || !strings.HasSuffix(p.Output(), "bye\n") {
		t.Errorf("interrupt: %v, output %q", err, p.Output())
	}
	if err := p.Interrupt(); err != nil {
		t.Errorf("again: %v", err)
	}
	p.Kill()
}

func TestStartFails(t *testing.T) {
	_, err := Start(t.Context(), program(t, `echo "no port"; exit 3`))
	if !errors.Is(err, ErrStart) || !strings.Contains(err.Error(), "no port") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("a program that ends: %v", err)
	}
	if _, err := Start(t.Context(), Options{Path: filepath.Join(t.TempDir(), "nothing")}); !errors.Is(err, ErrStart) {
		t.Errorf("no program: %v", err)
	}
}

func TestOutputIsBounded(t *testing.T) {
	o := &output{}
	line := strings.Repeat("x", 1023) + "\n"
	for range 2000 {
		if n, err := o.Write([]byte(line)); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	if n := len(o.String()); n > maxOutput || n < maxOutput-len(line) {
		t.Errorf("%d bytes kept", n)
	}
}
