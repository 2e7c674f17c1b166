// Package docs_test holds the documents that describe the program to it.
package docs_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/cli"
	"github.com/tidegate/tidegate/internal/config"
)

var update = flag.Bool("update", false, "write configuration.md")

const head = `# Configuration

One configuration serves every service; each reads its own sections. Sources, each stronger than the one before: the defaults, a
YAML file (` + "`--config`, `$TIDEGATE_CONFIG`, else `tidegate.yaml` if it is there" + `), the environment, flags.

The key ` + "`mediabridge.vad.hangover`" + ` is in the file

    mediabridge:
      vad:
        hangover: 100ms

the variable ` + "`TIDEGATE_MEDIABRIDGE_VAD_HANGOVER` and the flag `--mediabridge.vad.hangover`" + `. Durations are written as 250ms, 10s, 1h30m; lists
in variables and flags are separated by commas. An unknown key or variable is an error. ` + "`tidegate check-config --service NAME`" + ` prints
the effective configuration, secrets masked, and every error at once; its exit code is 2 when there is one.

Secrets belong into the environment or a file that only its user can read, not into flags.

| process | sections besides ` + "`log` and `ops`" + ` |
|---|---|
| ` + "`orchestrator`" + ` | nats, orchestrator |
| ` + "`mediabridge`" + ` | nats, mediabridge |
| ` + "`worker asr`, `worker tts`" + ` | nats, and asr or tts |
| ` + "`worker oms`, `worker ticket`" + ` | nats, store, and oms; or ticket, ticket_link and retention |
| ` + "`console`" + ` | nats, store, console |
| ` + "`up`" + ` | all |

What ` + "`up`" + ` ties together by itself when it is not configured: the secrets between its parts, the addresses that they tell each other, a
database and a spool in ` + "`up.data_dir`" + `, and an embedded NATS server unless ` + "`nats.url`" + ` is set.

This page is written by ` + "`make generate`" + `.
`

// render makes the page from the structs that the program reads.
func render() []byte {
	var b bytes.Buffer
	b.WriteString(head)
	def := cli.Defaults()
	last := ""
	for _, leaf := range config.Leaves(&def) {
		section, rest, _ := strings.Cut(leaf.Key, ".")
		if section != last {
			fmt.Fprintf(&b, "\n## %s\n\n| key | default | |\n|---|---|---|\n", section)
			last = section
		}
		value := ""
		switch v := leaf.Value.Interface().(type) {
		case []string:
			value = strings.Join(v, ", ")
		case time.Duration:
			value = v.String()
		default:
			value = fmt.Sprint(v)
		}
		if leaf.Value.Kind() == reflect.Map && leaf.Value.Len() == 0 {
			value = ""
		}
		if value == os.TempDir() {
			value = "the system's"
		} else if value != "" {
			value = "`" + value + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", rest, value, strings.ReplaceAll(leaf.Help, "|", `\|`))
	}
	return b.Bytes()
}

func TestConfigurationPage(t *testing.T) {
	const name = "configuration.md"
	want := render()
	if *update {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the program reads; run make generate", name)
	}
	def := cli.Defaults()
	for _, leaf := range config.Leaves(&def) {
		if leaf.Help == "" {
			t.Errorf("%s has no help", leaf.Key)
		}
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	command = regexp.MustCompile(`(?:go run \.|tidegate) ((?:[a-z-]+ ?)+)`)
	flagUse = regexp.MustCompile(`--([a-z_]+(?:\.[a-z_]+)+)`)
	target  = regexp.MustCompile("(?m)(?:^ +|`)make ([a-z]+)")
)

// What documents link to, and the commands, keys and targets that they
// name, have to be there.
func TestDocumentsNameWhatIsThere(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	def := cli.Defaults()
	for _, leaf := range config.Leaves(&def) {
		keys[leaf.Key] = true
	}
	var names []string
	for _, pattern := range []string{"../*.md", "*.md", "decisions/*.md"} {
		found, _ := filepath.Glob(pattern)
		names = append(names, found...)
	}
	if len(names) < 6 {
		t.Fatalf("only %d documents", len(names))
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
			}
		}
		for _, m := range flagUse.FindAllStringSubmatch(string(text), -1) {
			if !keys[m[1]] {
				t.Errorf("%s names the flag --%s, which is no key", name, m[1])
			}
		}
		for _, m := range target.FindAllStringSubmatch(string(text), -1) {
			if !bytes.Contains(makefile, []byte("\n"+m[1]+":")) {
				t.Errorf("%s names make %s, which is no target", name, m[1])
			}
		}
		for _, m := range command.FindAllStringSubmatch(string(text), -1) {
			words := strings.Fields(m[1])
			if cmd, _, err := cli.Root().Find(words[:1]); err != nil || !cmd.HasParent() {
				if strings.Contains(m[0], "go run .") {
					t.Errorf("%s names %q, which is no command", name, m[0])
				}
			}
		}
	}
}
