package compose_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// alerts checks a file of alert rules: its form, and that what it asks for is
// there to be asked. Whether rules fire when they should is TestAlertsFire's.
func (c *checker) alerts(file string) {
	text, err := c.read(file)
	if err != nil {
		c.bad("prometheus: %v", err)
		return
	}
	var rules struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Expr        string            `yaml:"expr"`
				For         string            `yaml:"for"`
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.UnmarshalWithOptions([]byte(text), &rules, yaml.Strict()); err != nil || len(rules.Groups) == 0 {
		c.bad("%s: no alert rules: %v", file, err)
		return
	}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" || r.Expr == "" || r.Labels["severity"] == "" || r.Annotations["summary"] == "" {
				c.bad("%s: alert %q has no expr, severity or summary", file, r.Alert)
			}
			if _, err := time.ParseDuration(r.For); err != nil {
				c.bad("%s: alert %q: for: %v", file, r.Alert, err)
			}
			c.known(fmt.Sprintf("%s: alert %q asks for", file, r.Alert), r.Expr)
		}
	}
}

// known reports every metric of an expression that no service has.
func (c *checker) known(what, expr string) {
	if c.metrics == nil {
		var err error
		if c.metrics, err = metricNames(c.root); err != nil {
			c.bad("%v", err)
			return
		}
	}
	for _, name := range metric.FindAllString(expr, -1) {
		base := name
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			base = strings.TrimSuffix(base, suffix)
		}
		if !c.metrics(base) && !c.metrics(name) {
			c.bad("%s %s, which no service has", what, name)
		}
	}
}

func TestAlertsFire(t *testing.T) {
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed: apt-get install -y prometheus")
	}
	for _, args := range [][]string{{"check", "rules", "alerts.yml"}, {"test", "rules", "alerts_rules_test.yml"}} {
		if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}
