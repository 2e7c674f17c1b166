package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

type inner struct {
	Listen string        `koanf:"listen" help:"where"`
	Limit  time.Duration `koanf:"limit" help:"how long"`
	Key    Secret        `koanf:"key" help:"secret"`
	Hosts  []string      `koanf:"hosts" help:"which"`
	Count  int           `koanf:"count" help:"how many"`

	Voices map[string]voice `koanf:"voices" help:"who"`
}

type voice struct {
	Speaker int               `koanf:"speaker" yaml:"speaker"`
	Styles  map[string]string `koanf:"styles" yaml:"styles,omitempty"`
}

type outer struct {
	Media inner `koanf:"media"`
	Other inner `koanf:"other"`
}

func load(t *testing.T, yaml string, env []string, args ...string) (outer, error) {
	t.Helper()
	cfg := outer{Media: inner{Listen: "127.0.0.1:1", Limit: time.Second, Hosts: []string{"a"}, Count: 1}}
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	fs := pflag.NewFlagSet("t", pflag.ContinueOnError)
	AddFlags(fs, &cfg, "media")
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	err := Load(&cfg, Source{File: path, Env: env, Flags: fs})
	return cfg, err
}

func TestEachSourceIsStrongerThanTheOneBefore(t *testing.T) {
	cfg, err := load(t, "media: {listen: file, limit: 2s, key: s3cret, hosts: [b, c], count: 2}\n",
		[]string{"TIDEGATE_MEDIA_LIMIT=3s", "TIDEGATE_MEDIA_HOSTS=d, e", "TIDEGATE_TEST_X=1", "PATH=x"}, "--media.count=4")
	if err != nil {
		t.Fatal(err)
	}
	m := cfg.Media
	if m.Listen != "file" || m.Limit != 3*time.Second || m.Key.Reveal() != "s3cret" || strings.Join(m.Hosts, " ") != "d e" || m.Count != 4 {
		t.Fatalf("%+v", m)
	}
	out, err := Effective(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	if s := string(out); strings.Contains(s, "s3cret") || !strings.Contains(s, `key: "***"`) && !strings.Contains(s, "key: ***") || !strings.Contains(s, "limit: 3s") {
		t.Fatalf("effective:\n%s", s)
	}
}

func TestMaps(t *testing.T) {
	const file = "media: {voices: {a: {speaker: 1, styles: {calm: b}}, b: {speaker: 2}}}\n"
	cfg, err := load(t, file, nil)
	if v := cfg.Media.Voices; err != nil || len(v) != 2 || v["a"].Styles["calm"] != "b" || v["b"].Speaker != 2 {
		t.Fatalf("from a file: %+v, %v", v, err)
	}
	out, err := Effective(&cfg)
	if err != nil || !strings.Contains(string(out), "speaker: 2") || !strings.Contains(string(out), "calm: b") {
		t.Errorf("effective, %v:\n%s", err, out)
	}
	cfg, err = load(t, file, []string{"TIDEGATE_MEDIA_VOICES={c: {speaker: 3}}"})
	if v := cfg.Media.Voices; err != nil || len(v) != 1 || v["c"].Speaker != 3 {
		t.Errorf("from a variable: %+v, %v", v, err)
	}
	cfg, err = load(t, file, nil, "--media.voices=")
	if err != nil || len(cfg.Media.Voices) != 0 {
		t.Errorf("from an empty flag: %+v, %v", cfg.Media.Voices, err)
	}
	for _, wrong := range []string{"media: {voices: {a: {speker: 1}}}", "media: {voices: 3}", "media: {voices: {a: {speaker: many}}}"} {
		if _, err := load(t, wrong, nil); err == nil {
			t.Errorf("%s was accepted", wrong)
		}
	}
	if _, err := load(t, "", []string{"TIDEGATE_MEDIA_VOICES=[1, 2]"}); err == nil || !strings.Contains(err.Error(), "media.voices") {
		t.Errorf("a list for a map: %v", err)
	}
}

func TestEveryErrorAtOnce(t *testing.T) {
	_, err := load(t, "media: {limt: 2s, count: many}\nextra: 1\n", []string{"TIDEGATE_MEDIA_LISTN=x"}, "--media.limit=soon")
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"limt", "count", "extra", "TIDEGATE_MEDIA_LISTN", "limit"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not name %s: %v", want, err)
		}
	}
}

func TestMissingFile(t *testing.T) {
	var cfg outer
	if err := Load(&cfg, Source{File: filepath.Join(t.TempDir(), "none.yaml")}); !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}
