package ticket

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/goccy/go-yaml"

	"github.com/tidegate/tidegate/schemas"
)

//go:embed dispatch.yaml
var builtinRules []byte

// Rule sends tickets that fit it to a group. An empty list fits everything.
type Rule struct {
	Name    string                `yaml:"name"`
	Kinds   []schemas.RequestKind `yaml:"kinds"`
	Reasons []string              `yaml:"reasons"`
	Group   schemas.Group         `yaml:"group"`
}

// Rules decide in order; the last one fits everything.
type Rules []Rule

const (
	maxRulesBytes = 256 << 10
	maxRules      = 500
)

var (
	kinds = []schemas.RequestKind{
		schemas.KindReturn, schemas.KindRefund, schemas.KindExchange, schemas.KindCancel, schemas.KindComplaint, schemas.KindInquiry,
	}
	groups = []schemas.Group{schemas.GroupAfterSales, schemas.GroupFinance}
)

// LoadRules reads a rules file, or the built-in rules when path is empty.
func LoadRules(path string) (Rules, error) {
	if path == "" {
		return ParseRules(builtinRules)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dispatch rules: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxRulesBytes+1))
	if err != nil {
		return nil, fmt.Errorf("dispatch rules: %w", err)
	}
	return ParseRules(b)
}

// ParseRules reads rules from YAML and names everything that is wrong.
func ParseRules(b []byte) (rules Rules, err error) {
	defer func() { // goccy/go-yaml 1.19 panics on some sequences of a wrong tag
		if recover() != nil {
			rules, err = nil, errors.New("dispatch rules: the YAML cannot be read")
		}
	}()
	if len(b) > maxRulesBytes {
		return nil, fmt.Errorf("dispatch rules: over %d bytes", maxRulesBytes)
	}
	var file struct {
		Rules Rules `yaml:"rules"`
	}
	if err := yaml.UnmarshalWithOptions(b, &file, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("dispatch rules: %w", err)
	}
	if err := file.Rules.validate(); err != nil {
		return nil, fmt.Errorf("dispatch rules: %w", err)
	}
	return file.Rules, nil
}

func (r Rules) validate() error {
	if len(r) == 0 || len(r) > maxRules {
		return fmt.Errorf("rules: want 1..%d, are %d", maxRules, len(r))
	}
	var errs []error
	for i, rule := range r {
		if !slices.Contains(groups, rule.Group) {
			errs = append(errs, fmt.Errorf("rules[%d].group: %.40q is no group", i, rule.Group))
		}
		for _, k := range rule.Kinds {
			if !slices.Contains(kinds, k) {
				errs = append(errs, fmt.Errorf("rules[%d].kinds: %.40q is no kind", i, k))
			}
		}
	}
	if last := r[len(r)-1]; len(last.Kinds) > 0 || len(last.Reasons) > 0 {
		errs = append(errs, fmt.Errorf("rules[%d]: the last rule must fit everything", len(r)-1))
	}
	return errors.Join(errs...)
}

// Group decides who works on a request.
func (r Rules) Group(req *schemas.TicketOpen) schemas.Group {
	for _, rule := range r {
		if fits(rule.Kinds, req.Kind) && fits(rule.Reasons, req.Reason) {
			return rule.Group
		}
	}
	return schemas.GroupAfterSales // validated rules end before this
}

func fits[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }
