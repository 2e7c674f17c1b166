package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestCheckConfigMasksSecrets(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("TIDEGATE_CONSOLE_TOKEN", "a-token-nobody-may-see")
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("orchestrator:\n  fork:\n    secret: a-key-nobody-may-see\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := execute(t, "check-config", "--config="+file, "--console.listen=127.0.0.1:7000")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out, "nobody-may-see") || !strings.Contains(out, "***") {
		t.Errorf("secrets are not masked:\n%s", out)
	}
	if !strings.Contains(out, "listen: 127.0.0.1:7000") {
		t.Errorf("the flag is not in the effective configuration:\n%s", out)
	}
}

func TestCheckConfigNamesEveryError(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("TIDEGATE_NO_SUCH_KEY", "1")
	_, err := execute(t, "check-config", "--service=orchestrator,ticket", "--orchestrator.rate=9", "--ticket.max_in_flight=0", "--nats.replicas=many")
	var cfg *configError
	if !errors.As(err, &cfg) {
		t.Fatalf("error %v", err)
	}
	for _, want := range []string{
		"TIDEGATE_NO_SUCH_KEY", "orchestrator.rate", "orchestrator.fork.secret", "orchestrator.esl.secret", "ticket.max_in_flight", "replicas",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named in: %v", want, err)
		}
	}
}

func TestWrongUsage(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{
		{"frob"}, {"worker", "frob"}, {"up", "--nope"}, {"up", "--exit"}, {"call"}, {"call", "no-such-scenario"}, {"call", "a", "b"},
		{"schema", "no.such.type"}, {"check-config", "--service=frob"},
		{"models", "frob"}, {"models", "pull"}, {"models", "pull", "vits"}, {"models", "pull", "--from=nowhere"}, {"models", "list", "nothing"},
		{"flow", "frob"}, {"flow", "check", "nowhere"}, {"flow", "test", "nowhere"}, {"flow", "graph", "a", "b"}, {"chat", "a"}, {"chat", "--flow=nowhere"}, {"nlu", "--flow=nowhere"},
		{"dlq", "frob"}, {"dlq", "list", "1"}, {"dlq", "list", "--since=soon"}, {"dlq", "list", "--limit=-1"}, {"dlq", "show"}, {"dlq", "show", "x"},
		{"dlq", "replay"}, {"dlq", "replay", "--all", "1"}, {"dlq", "replay", "1", "--subject=a"}, {"dlq", "replay", "0"}, {"dlq", "drop", "--nope"},
	} {
		_, err := execute(t, args...)
		var usage *usageError
		if !errors.As(err, &usage) {
			t.Errorf("%v: error %v is no usage error", args, err)
		}
	}
}

func TestCallerWhoListensNeedsEars(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := execute(t, "call", "return-listening", "--asr.engine=scripted", "--voice-engine=tone"); !errors.Is(err, errDeaf) {
		t.Errorf("error %v", err)
	}
}

func TestSchema(t *testing.T) {
	for _, name := range []string{"ticket.open", "tidegate.v1.ticket.open"} {
		out, err := execute(t, "schema", name)
		if err != nil || !strings.Contains(out, `"idempotency_key"`) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	dir := t.TempDir()
	if _, err := execute(t, "schema", "--write="+dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "v1", "envelope.schema.json")); err != nil {
		t.Error(err)
	}
}

func TestEveryCommandHelps(t *testing.T) {
	for _, args := range [][]string{{}, {"up"}, {"orchestrator"}, {"mediabridge"}, {"worker"}, {"worker", "asr"}, {"worker", "tts"}, {"worker", "oms"}, {"worker", "ticket"}, {"console"}, {"call"}, {"models"}, {"models", "pull"}, {"flow"}, {"flow", "check"}, {"flow", "graph"}, {"flow", "test"}, {"chat"}, {"nlu"}, {"check-config"}, {"schema"}, {"oms"}, {"oms", "try"}, {"oms", "check"}, {"oms", "example"}, {"dlq"}, {"dlq", "list"}, {"dlq", "show"}, {"dlq", "replay"}, {"dlq", "drop"}} {
		out, err := execute(t, append(args, "--help")...)
		if err != nil || !strings.Contains(out, "Usage:") {
			t.Errorf("%v --help: %v\n%s", args, err, out)
		}
	}
}
