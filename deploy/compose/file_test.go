package compose_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// composeFile is docker-compose.yml, as far as it is used here; a key that
// is not listed is an error.
type composeFile struct {
	Name     string             `yaml:"name"`
	Services map[string]service `yaml:"services"`
	Networks map[string]struct {
		Driver string `yaml:"driver"`
		IPAM   struct {
			Config []struct {
				Subnet string `yaml:"subnet"`
			} `yaml:"config"`
		} `yaml:"ipam"`
	} `yaml:"networks"`
	Volumes map[string]any `yaml:"volumes"`
}

type service struct {
	Image       string            `yaml:"image"`
	Build       string            `yaml:"build"`
	Restart     string            `yaml:"restart"`
	ReadOnly    bool              `yaml:"read_only"`
	Tmpfs       []string          `yaml:"tmpfs"`
	CapDrop     []string          `yaml:"cap_drop"`
	SecurityOpt []string          `yaml:"security_opt"`
	Networks    any               `yaml:"networks"`
	StopGrace   string            `yaml:"stop_grace_period"`
	Entrypoint  []string          `yaml:"entrypoint"`
	Command     []string          `yaml:"command"`
	Environment map[string]string `yaml:"environment"`
	Volumes     []string          `yaml:"volumes"`
	Ports       []string          `yaml:"ports"`
	DependsOn   map[string]struct {
		Condition string `yaml:"condition"`
	} `yaml:"depends_on"`
	Healthcheck struct {
		Test        []string `yaml:"test"`
		Interval    string   `yaml:"interval"`
		Timeout     string   `yaml:"timeout"`
		Retries     int      `yaml:"retries"`
		StartPeriod string   `yaml:"start_period"`
	} `yaml:"healthcheck"`
}

func (s service) own() bool { return s.Build != "" }

// mount finds the host side of a mounted container path.
func (s service) mount(target string) (source string, ok bool) {
	for _, v := range s.Volumes {
		if parts := strings.Split(v, ":"); len(parts) >= 2 && parts[1] == target {
			return parts[0], true
		}
	}
	return "", false
}

// mountedFile finds the project's file behind a container path.
func (s service) mountedFile(path string) (string, bool) {
	for _, v := range s.Volumes {
		parts := strings.Split(v, ":")
		if len(parts) < 2 || !strings.HasPrefix(parts[0], "./") {
			continue
		}
		if rest, ok := strings.CutPrefix(path, parts[1]); ok && (rest == "" || rest[0] == '/') {
			return filepath.Join(parts[0], rest), true
		}
	}
	return "", false
}

// project reads its files, some of which a test may have replaced.
type project struct {
	root     string
	replaced map[string]string
}

func (p project) read(name string) (string, error) {
	if s, ok := p.replaced[name]; ok {
		return s, nil
	}
	b, err := os.ReadFile(filepath.Join(p.root, name))
	return string(b), err
}

func (p project) exists(name string) (os.FileInfo, bool) {
	info, err := os.Stat(filepath.Join(p.root, name))
	return info, err == nil
}

var variable = regexp.MustCompile(`\$\{([A-Za-z0-9_]+)(:[-?])?([^}]*)\}|\$`)

// interpolate does what compose does with ${...}: a variable with :? stands
// for a value of its own, one with :- for its default.
func interpolate(text string) (out string, required, optional []string, problems []string) {
	out = variable.ReplaceAllStringFunc(text, func(s string) string {
		m := variable.FindStringSubmatch(s)
		switch {
		case m[1] == "":
			problems = append(problems, "a $ outside ${...}")
			return s
		case m[2] == ":?":
			required = append(required, m[1])
			return valueOf(m[1])
		case m[2] == ":-":
			optional = append(optional, m[1])
			return m[3]
		default:
			problems = append(problems, fmt.Sprintf("${%s} has neither a default (:-) nor an error (:?)", m[1]))
			return ""
		}
	})
	return out, unique(required), unique(optional), problems
}

// valueOf is a long, distinct value of a required variable.
func valueOf(name string) string { return "s0123456789abcdef0123456789abcdef" + strings.ToLower(name) }

func unique(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

// parse resolves anchors and merges, leaves out what is only there to be
// merged, and refuses unknown keys.
func parse(text string) (composeFile, error) {
	var whole map[string]any
	if err := yaml.Unmarshal([]byte(text), &whole); err != nil {
		return composeFile{}, err
	}
	for key := range whole {
		if strings.HasPrefix(key, "x-") {
			delete(whole, key)
		}
	}
	flat, err := yaml.Marshal(whole)
	if err != nil {
		return composeFile{}, err
	}
	var f composeFile
	err = yaml.NewDecoder(bytes.NewReader(flat), yaml.DisallowUnknownField()).Decode(&f)
	return f, err
}
