package compose_test

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/tidegate/tidegate/internal/cli"
	"github.com/tidegate/tidegate/internal/config"
)

// settings is the configuration that one of our services would run with.
type settings struct {
	role string // orchestrator, asr, ...
	Ops  struct {
		Listen     string        `yaml:"listen"`
		DrainLimit time.Duration `yaml:"drain_limit"`
		StopLimit  time.Duration `yaml:"stop_limit"`
	} `yaml:"ops"`
	NATS struct {
		URL  string `yaml:"url"`
		User string `yaml:"user"`
	} `yaml:"nats"`
	Orchestrator struct {
		Name string `yaml:"name"`
		ESL  struct {
			Listen      string `yaml:"listen"`
			MaxChannels int    `yaml:"max_channels"`
		} `yaml:"esl"`
		Nodes []string `yaml:"nodes"`
		Fork  struct {
			Bridges []string `yaml:"bridges"`
		} `yaml:"fork"`
		Handoff struct {
			Profile string `yaml:"profile"`
			Queue   string `yaml:"queue"`
		} `yaml:"handoff"`
		RecordURL string `yaml:"record_url"`
		Spool     struct {
			Dir string `yaml:"dir"`
		} `yaml:"spool"`
	} `yaml:"orchestrator"`
	Mediabridge struct {
		Listen    string `yaml:"listen"`
		PublicURL string `yaml:"public_url"`
	} `yaml:"mediabridge"`
	Models struct {
		Dir string `yaml:"dir"`
	} `yaml:"models"`
	ASR    speechSettings `yaml:"asr"`
	TTS    speechSettings `yaml:"tts"`
	Notify struct {
		Listen string `yaml:"listen"`
	} `yaml:"notify"`
	Console struct {
		Listen string `yaml:"listen"`
	} `yaml:"console"`
}

type speechSettings struct {
	Server struct {
		Listen    string `yaml:"listen"`
		Advertise string `yaml:"advertise"`
	} `yaml:"server"`
}

// listens lists the ports that the service opens.
func (s settings) listens() []string {
	ports := []string{port(s.Ops.Listen)}
	switch s.role {
	case "orchestrator":
		ports = append(ports, port(s.Orchestrator.ESL.Listen))
	case "mediabridge":
		ports = append(ports, port(s.Mediabridge.Listen))
	case "asr":
		ports = append(ports, port(s.ASR.Server.Listen))
	case "tts":
		ports = append(ports, port(s.TTS.Server.Listen))
	case "notify":
		ports = append(ports, port(s.Notify.Listen))
	case "console":
		ports = append(ports, port(s.Console.Listen))
	}
	return ports
}

// load runs the service's command line and environment through the real
// commands: the subcommand and its flags have to exist, and check-config
// has to be content.
func load(s service) (settings, []string) {
	var problems []string
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	var path, flags []string
	for _, arg := range s.Command {
		if strings.HasPrefix(arg, "-") {
			flags = append(flags, arg)
		} else {
			path = append(path, arg)
		}
	}
	cmd, rest, err := cli.Root().Find(path)
	if err != nil || len(rest) > 0 || !cmd.HasParent() || cmd.HasSubCommands() {
		bad("command %q: there is no such subcommand", strings.Join(s.Command, " "))
		return settings{}, problems
	}
	for _, flag := range flags {
		name, _, given := strings.Cut(strings.TrimLeft(flag, "-"), "=")
		if cmd.Flags().Lookup(name) == nil {
			bad("flag --%s: %s has none of that name", name, cmd.CommandPath())
		}
		if !given {
			bad("flag %s: write it as --name=value", flag)
		}
		if secretName(name) {
			bad("flag --%s: everyone on the machine can read a command line; use the environment", name)
		}
	}
	known := map[string]bool{}
	def := cli.Defaults()
	for _, leaf := range config.Leaves(&def) {
		known[leaf.Env()] = cmd.Flags().Lookup(leaf.Key) != nil
	}
	for name := range s.Environment {
		read, ok := known[name]
		if !ok {
			bad("environment variable %s: no such key", name)
		} else if !read {
			bad("environment variable %s: %s does not read that section", name, cmd.CommandPath())
		}
	}
	if len(problems) > 0 {
		return settings{}, problems
	}
	out, err := effective(cmd.Name(), s.Environment, flags)
	if err != nil {
		bad("%v", err)
	}
	eff := settings{role: cmd.Name()}
	if err := yaml.Unmarshal(out, &eff); err != nil {
		bad("effective configuration: %v", err)
	}
	return eff, problems
}

// effective is 'tidegate check-config' in the service's environment.
func effective(role string, env map[string]string, flags []string) ([]byte, error) {
	for _, kv := range os.Environ() {
		if name, value, _ := strings.Cut(kv, "="); strings.HasPrefix(name, config.EnvPrefix) {
			_ = os.Unsetenv(name)
			defer func() { _ = os.Setenv(name, value) }()
		}
	}
	for name, value := range env {
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
		defer func() { _ = os.Unsetenv(name) }()
	}
	root := cli.Root()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(append([]string{"check-config", "--service=" + role}, flags...))
	err := root.Execute()
	return out.Bytes(), err
}

func secretName(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"secret", "password", "token", "dsn"}, func(s string) bool { return strings.HasSuffix(name, s) })
}

func host(address string) string { h, _, _ := net.SplitHostPort(address); return h }
func port(address string) string { _, p, _ := net.SplitHostPort(address); return p }

// hostPort takes host and port out of a URL.
func hostPort(address string) (scheme, h, p string) {
	u, err := url.Parse(address)
	if err != nil {
		return "", "", ""
	}
	return u.Scheme, u.Hostname(), u.Port()
}
