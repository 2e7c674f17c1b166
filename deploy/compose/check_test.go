package compose_test

import (
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/cli"
	"github.com/tidegate/tidegate/internal/config"
)

// checker collects what is wrong in a deployment.
type checker struct {
	project
	file    composeFile
	own     map[string]settings    // our services, by name
	metrics func(name string) bool // nil until asked for
	found   []string
}

func (c *checker) bad(format string, args ...any) {
	c.found = append(c.found, fmt.Sprintf(format, args...))
}

// check lists everything in docker-compose.yml and the files it mounts that
// does not fit the project or does not fit together.
func check(p project) []string {
	c := &checker{project: p, own: map[string]settings{}}
	text, err := p.read("docker-compose.yml")
	if err != nil {
		return []string{err.Error()}
	}
	// Comments may say what they like.
	lines := slices.DeleteFunc(strings.Split(text, "\n"), func(l string) bool { return strings.HasPrefix(strings.TrimSpace(l), "#") })
	text, required, optional, problems := interpolate(strings.Join(lines, "\n"))
	c.found = append(c.found, problems...)
	c.variables(required, optional)
	if c.file, err = parse(text); err != nil {
		return append(c.found, err.Error())
	}
	for _, name := range slices.Sorted(maps.Keys(c.file.Services)) {
		s := c.file.Services[name]
		c.container(name, s)
		if !s.own() {
			continue
		}
		eff, problems := load(s)
		for _, problem := range problems {
			c.bad("%s: %s", name, problem)
		}
		if len(problems) == 0 {
			c.own[name] = eff
		}
	}
	if len(c.found) > 0 {
		return c.found // what follows would only repeat them
	}
	for _, name := range slices.Sorted(maps.Keys(c.own)) {
		c.ourContainer(name, c.file.Services[name], c.own[name])
	}
	c.wholeness()
	c.image()
	c.freeswitch()
	c.media()
	c.stores()
	c.observation()
	c.ports()
	return c.found
}

// variables: what compose asks for stands in .env.example and the other way
// round, and no secret has a default.
func (c *checker) variables(required, optional []string) {
	text, err := c.read(".env.example")
	if err != nil {
		c.bad("%v", err)
		return
	}
	var there []string
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		there = append(there, name)
		if value != "" {
			c.bad(".env.example: %s has a value", name)
		}
	}
	def := cli.Defaults()
	leaves := config.Leaves(&def)
	for _, name := range append(slices.Clone(required), optional...) {
		if !slices.Contains(there, name) {
			c.bad("${%s} is not in .env.example", name)
		}
		if strings.HasPrefix(name, config.EnvPrefix) && !slices.ContainsFunc(leaves, func(l config.Leaf) bool { return l.Env() == name }) {
			c.bad("${%s}: begins with %s and is no key", name, config.EnvPrefix)
		}
	}
	for _, name := range optional {
		if secretName(name) {
			c.bad("${%s}: a secret has no default", name)
		}
	}
	for _, name := range there {
		if !slices.Contains(required, name) && !slices.Contains(optional, name) {
			c.bad(".env.example: %s is not used", name)
		}
	}
}

// container is what holds for every service.
func (c *checker) container(name string, s service) {
	if s.Image == "" || !strings.Contains(path.Base(s.Image), ":") {
		c.bad("%s: image %q has no tag", name, s.Image)
	}
	if s.Restart == "" {
		c.bad("%s: no restart policy", name)
	}
	if len(s.Healthcheck.Test) == 0 {
		c.bad("%s: no health check", name)
	}
	for key, value := range s.Environment {
		if secretName(key) && !strings.Contains(value, valueOf("")) {
			c.bad("%s: %s is written into the file", name, key)
		}
	}
	for on, d := range s.DependsOn {
		if _, ok := c.file.Services[on]; !ok {
			c.bad("%s: depends on %s, which is not there", name, on)
		}
		if d.Condition != "service_healthy" {
			c.bad("%s: depends on %s with condition %q", name, on, d.Condition)
		}
	}
	if loop := c.dependsOn(name, name, nil); loop {
		c.bad("%s: depends on itself", name)
	}
	for _, v := range s.Volumes {
		parts := strings.Split(v, ":")
		switch {
		case len(parts) < 2 || !path.IsAbs(parts[1]):
			c.bad("%s: volume %q has no container path", name, v)
		case strings.HasPrefix(parts[0], "./"):
			if _, ok := c.exists(parts[0]); !ok {
				c.bad("%s: %s is not in the project", name, parts[0])
			}
			if len(parts) != 3 || parts[2] != "ro" {
				c.bad("%s: %s is mounted for writing", name, parts[0])
			}
		default:
			if _, ok := c.file.Volumes[parts[0]]; !ok {
				c.bad("%s: volume %s is not declared", name, parts[0])
			}
		}
	}
}

func (c *checker) dependsOn(name, target string, seen []string) bool {
	if slices.Contains(seen, name) {
		return false
	}
	for on := range c.file.Services[name].DependsOn {
		if on == target || c.dependsOn(on, target, append(seen, name)) {
			return true
		}
	}
	return false
}

// ourContainer is what holds for every service of the project's image.
func (c *checker) ourContainer(name string, s service, eff settings) {
	want := "http://127.0.0.1:" + port(eff.Ops.Listen) + "/readyz"
	if !slices.Contains(s.Healthcheck.Test, want) {
		c.bad("%s: health check %q does not ask %s", name, s.Healthcheck.Test, want)
	}
	if host(eff.Ops.Listen) != "0.0.0.0" {
		c.bad("%s: %s cannot be reached from other containers", name, eff.Ops.Listen)
	}
	if grace, err := time.ParseDuration(s.StopGrace); err != nil || grace <= eff.Ops.DrainLimit+eff.Ops.StopLimit {
		c.bad("%s: stop_grace_period %s is not over drain and stop limit %s", name, s.StopGrace, eff.Ops.DrainLimit+eff.Ops.StopLimit)
	}
	if !s.ReadOnly || !slices.Contains(s.CapDrop, "ALL") {
		c.bad("%s: not locked down as the others", name)
	}
	if _, h, p := hostPort(eff.NATS.URL); h != "nats" || p == "" {
		c.bad("%s: nats.url %s does not name the service nats", name, eff.NATS.URL)
	}
	if _, ok := s.DependsOn["nats"]; !ok {
		c.bad("%s: does not wait for nats", name)
	}
}

// wholeness: every part is there, and nothing declared is left over.
func (c *checker) wholeness() {
	count := map[string]int{}
	for _, eff := range c.own {
		count[eff.role]++
	}
	for role, least := range map[string]int{"orchestrator": 2, "mediabridge": 1, "asr": 1, "tts": 1, "oms": 1, "ticket": 1, "notify": 1, "console": 1} {
		if count[role] < least {
			c.bad("%d services run %s, want at least %d", count[role], role, least)
		}
	}
	for _, name := range []string{"freeswitch", "nats", "postgres", "prometheus", "grafana"} {
		if _, ok := c.file.Services[name]; !ok {
			c.bad("there is no service %s", name)
		}
	}
	for volume := range c.file.Volumes {
		used := slices.ContainsFunc(slices.Collect(maps.Values(c.file.Services)), func(s service) bool {
			return slices.ContainsFunc(s.Volumes, func(v string) bool { return strings.HasPrefix(v, volume+":") })
		})
		if !used {
			c.bad("volume %s is not used", volume)
		}
	}
}

// image holds the Dockerfile to what the services need of it.
func (c *checker) image() {
	dockerfile, err := c.read("Dockerfile")
	if err != nil {
		c.bad("%v", err)
		return
	}
	mod, err := c.read("go.mod")
	if err != nil {
		c.bad("%v", err)
		return
	}
	_, after, _ := strings.Cut(mod, "\ngo ")
	version := strings.Join(strings.SplitN(strings.Fields(after + " -")[0], ".", 3)[:2], ".")
	for _, want := range []string{"golang:" + version, "CGO_ENABLED=1 deploy/dist.sh /out", "/out/lib /usr/local/lib/tidegate", " libstdc++6", " espeak-ng", " curl", "USER tidegate", `ENTRYPOINT ["/usr/local/bin/tidegate"]`} {
		if !strings.Contains(dockerfile, want) {
			c.bad("Dockerfile: no %q", want)
		}
	}
	for line := range strings.Lines(dockerfile) {
		words := strings.Fields(line)
		if len(words) < 3 || words[0] != "COPY" || strings.HasPrefix(words[1], "--from") {
			continue
		}
		for _, source := range words[1 : len(words)-1] {
			if _, ok := c.exists(source); !ok {
				c.bad("Dockerfile: copies %s, which is not there", source)
			}
		}
	}
	ignored, err := c.read(".dockerignore")
	if err != nil {
		c.bad("%v", err)
	}
	for _, path := range []string{"deploy/dist.sh", "deploy/link.sh", "deploy/licenses"} { // what the build runs
		if _, ok := c.exists(path); !ok || !strings.Contains(ignored, "\n!"+path+"\n") {
			c.bad(".dockerignore: keeps %s from the build", path)
		}
	}
	c.speechModels(dockerfile)
	spools := map[string]string{}
	for name, eff := range c.own {
		if eff.role != "orchestrator" {
			continue
		}
		volume, ok := c.file.Services[name].mount(eff.Orchestrator.Spool.Dir)
		if !ok {
			c.bad("%s: no volume at orchestrator.spool.dir %s", name, eff.Orchestrator.Spool.Dir)
		}
		if other := spools[volume]; ok && other != "" {
			c.bad("%s and %s share the spool %s", name, other, volume)
		}
		spools[volume] = name
		if !strings.Contains(dockerfile, eff.Orchestrator.Spool.Dir) {
			c.bad("Dockerfile: does not make %s", eff.Orchestrator.Spool.Dir)
		}
	}
}

// speechModels holds the services that open speech models to one folder of
// them, which 'models pull' fills.
func (c *checker) speechModels(dockerfile string) {
	volumes := map[string]bool{}
	for name, eff := range c.own {
		if !slices.Contains([]string{"mediabridge", "asr", "tts"}, eff.role) {
			continue
		}
		volume, ok := c.file.Services[name].mount(eff.Models.Dir)
		if !ok {
			c.bad("%s: no volume at models.dir %s", name, eff.Models.Dir)
			continue
		}
		volumes[volume] = true
		if !strings.Contains(dockerfile, " "+eff.Models.Dir) {
			c.bad("Dockerfile: does not make %s", eff.Models.Dir)
		}
	}
	if len(volumes) > 1 {
		c.bad("speech models are in %d volumes", len(volumes))
	}
}

// executable says whether a file of the project can be run.
func (c *checker) executable(name string) bool {
	info, ok := c.exists(name)
	return ok && info.Mode()&os.FileMode(0o111) != 0
}
