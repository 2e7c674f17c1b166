package compose_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

var foreignVariable = regexp.MustCompile(`\$\{?(TIDEGATE_[A-Z_]+|FREESWITCH)`)

// freeswitch holds its environment to freeswitch-conf, and both to the
// orchestrators.
func (c *checker) freeswitch() {
	fs := c.file.Services["freeswitch"]
	env := fs.Environment
	vars, err1 := c.read("freeswitch-conf/vars.xml")
	script, err2 := c.read("freeswitch-conf/entrypoint.sh")
	if err1 != nil || err2 != nil {
		c.bad("freeswitch-conf: %v %v", err1, err2)
		return
	}
	var read []string
	for _, m := range foreignVariable.FindAllStringSubmatch(vars+script, -1) {
		read = append(read, m[1])
	}
	for name := range env {
		if !slices.Contains(read, name) {
			c.bad("freeswitch: nothing in freeswitch-conf reads %s", name)
		}
	}
	if len(fs.Entrypoint) != 1 {
		c.bad("freeswitch: needs the entrypoint of freeswitch-conf")
	} else if file, ok := fs.mountedFile(fs.Entrypoint[0]); !ok || !c.executable(file) {
		c.bad("freeswitch: entrypoint %s is no executable of a mounted folder", fs.Entrypoint[0])
	}
	if _, ok := fs.mountedFile(env["TIDEGATE_CONF"] + "/freeswitch.xml"); !ok {
		c.bad("freeswitch: nothing is mounted at TIDEGATE_CONF %s", env["TIDEGATE_CONF"])
	}
	if _, ok := fs.mount(env["TIDEGATE_STATE"]); !ok {
		c.bad("freeswitch: nothing is mounted at TIDEGATE_STATE %s", env["TIDEGATE_STATE"])
	}
	admitted := 0
	for name, eff := range c.own {
		if eff.role != "orchestrator" {
			continue
		}
		o, oenv := eff.Orchestrator, c.file.Services[name].Environment
		admitted += o.ESL.MaxChannels
		if o.Name != name {
			c.bad("%s: calls itself %q", name, o.Name)
		}
		if host(o.ESL.Listen) != "0.0.0.0" {
			c.bad("%s: orchestrator.esl.listen %s cannot be reached by freeswitch", name, o.ESL.Listen)
		}
		for _, chain := range []string{"TIDEGATE_FIRST", "TIDEGATE_SECOND"} {
			if !slices.Contains(strings.Split(env[chain], "|"), net.JoinHostPort(name, port(o.ESL.Listen))) {
				c.bad("freeswitch: %s does not dial %s:%s", chain, name, port(o.ESL.Listen))
			}
		}
		if oenv["TIDEGATE_ORCHESTRATOR_ESL_SECRET"] != env["TIDEGATE_SECRET"] {
			c.bad("%s: esl.secret differs from freeswitch's TIDEGATE_SECRET", name)
		}
		if !slices.Equal(o.Nodes, []string{"freeswitch:" + env["TIDEGATE_EVENT_SOCKET_PORT"]}) {
			c.bad("%s: nodes %q are not freeswitch's event socket", name, o.Nodes)
		}
		if oenv["TIDEGATE_ORCHESTRATOR_NODE_PASSWORD"] != env["TIDEGATE_EVENT_SOCKET_PASSWORD"] {
			c.bad("%s: node_password differs from freeswitch's", name)
		}
		c.names(name, "freeswitch-conf/sip_profiles/external.xml", `<profile name="`+o.Handoff.Profile+`"`)
		c.names(name, "freeswitch-conf/autoload_configs/callcenter.conf.xml", `<queue name="`+o.Handoff.Queue+`"`)
	}
	for _, chain := range []string{"TIDEGATE_FIRST", "TIDEGATE_SECOND"} {
		for address := range strings.SplitSeq(env[chain], "|") {
			if c.own[host(address)].role != "orchestrator" {
				c.bad("freeswitch: %s names %s, which is no orchestrator", chain, address)
			}
		}
	}
	if most, _ := strconv.Atoi(env["TIDEGATE_MAX_SESSIONS"]); most <= admitted {
		c.bad("freeswitch: takes %d sessions, the orchestrators %d: refusals would be FreeSWITCH's own", most, admitted)
	}
	c.address(fs)
}

// names reports when a file lacks what a service's configuration names.
func (c *checker) names(service, file, want string) {
	text, err := c.read(file)
	if err != nil || !strings.Contains(text, want) {
		c.bad("%s: no %s> in %s", service, want, file)
	}
}

// address: the node's fixed address and its access list lie in the network.
func (c *checker) address(fs service) {
	for name, network := range c.file.Networks {
		for _, conf := range network.IPAM.Config {
			_, subnet, err := net.ParseCIDR(conf.Subnet)
			if err != nil {
				c.bad("network %s: %v", name, err)
				continue
			}
			if allow := fs.Environment["TIDEGATE_EVENT_SOCKET_ALLOW"]; allow != conf.Subnet {
				c.bad("freeswitch: event socket lets %s in, the network is %s", allow, conf.Subnet)
			}
			at := ""
			if m, ok := fs.Networks.(map[string]any); ok {
				if n, ok := m[name].(map[string]any); ok {
					at, _ = n["ipv4_address"].(string)
				}
			}
			if sip := fs.Environment["TIDEGATE_SIP_IP"]; sip != at || !subnet.Contains(net.ParseIP(sip)) {
				c.bad("freeswitch: TIDEGATE_SIP_IP %s is not its address %q in %s", sip, at, conf.Subnet)
			}
		}
	}
}

// media: who dials a bridge or a speech worker reaches it.
func (c *checker) media() {
	for name, eff := range c.own {
		env := c.file.Services[name].Environment
		switch eff.role {
		case "orchestrator":
			for _, bridge := range eff.Orchestrator.Fork.Bridges {
				_, h, p := hostPort(bridge)
				to, ok := c.own[h]
				if !ok || to.role != "mediabridge" || port(to.Mediabridge.Listen) != p || host(to.Mediabridge.Listen) != "0.0.0.0" {
					c.bad("%s: %s is no mediabridge", name, bridge)
				} else if to.Mediabridge.PublicURL != bridge {
					c.bad("%s: calls itself %s, orchestrators call it %s", h, to.Mediabridge.PublicURL, bridge)
				}
				if c.file.Services[h].Environment["TIDEGATE_MEDIABRIDGE_FORK_SECRET"] != env["TIDEGATE_ORCHESTRATOR_FORK_SECRET"] {
					c.bad("%s and %s have different fork secrets", name, h)
				}
			}
			if _, h, p := hostPort(eff.Orchestrator.RecordURL); !slices.ContainsFunc(c.file.Services["console"].Ports, func(s string) bool { return strings.HasPrefix(s, h+":"+p+":") }) {
				c.bad("%s: record_url %s is not where the console is published", name, eff.Orchestrator.RecordURL)
			}
		case "asr", "tts":
			server := eff.ASR.Server
			if eff.role == "tts" {
				server = eff.TTS.Server
			}
			if _, h, p := hostPort(server.Advertise); h != name || p != port(server.Listen) || host(server.Listen) != "0.0.0.0" {
				c.bad("%s: advertises %s and listens on %s", name, server.Advertise, server.Listen)
			}
		case "console":
			if host(eff.Console.Listen) != "0.0.0.0" {
				c.bad("%s: %s cannot be published", name, eff.Console.Listen)
			}
		}
	}
}

// stores: NATS and PostgreSQL are what the services believe them to be.
func (c *checker) stores() {
	nats, pg := c.file.Services["nats"], c.file.Services["postgres"]
	conf := c.natsConf(nats)
	for name, eff := range c.own {
		env := c.file.Services[name].Environment
		if _, _, p := hostPort(eff.NATS.URL); conf != nil && p != port(conf["listen"]) {
			c.bad("%s: nats.url %s, but nats listens on %s", name, eff.NATS.URL, conf["listen"])
		}
		if conf != nil && (eff.NATS.User != conf["user"] || env["TIDEGATE_NATS_PASSWORD"] != conf["password"]) {
			c.bad("%s: user or password is not that of nats.conf", name)
		}
		dsn, ok := env["TIDEGATE_STORE_DSN"]
		if !ok {
			if slices.Contains([]string{"oms", "ticket", "notify", "console"}, eff.role) {
				c.bad("%s: no TIDEGATE_STORE_DSN; the default is a SQLite file of its own", name)
			}
			continue
		}
		u, err := url.Parse(dsn)
		if err != nil {
			c.bad("%s: TIDEGATE_STORE_DSN: %v", name, err)
			continue
		}
		password, _ := u.User.Password()
		if u.Hostname() != "postgres" || u.Port() != "5432" || u.User.Username() != pg.Environment["POSTGRES_USER"] ||
			password != pg.Environment["POSTGRES_PASSWORD"] || u.Path != "/"+pg.Environment["POSTGRES_DB"] {
			c.bad("%s: TIDEGATE_STORE_DSN is not the database of the service postgres", name)
		}
		if _, ok := c.file.Services[name].DependsOn["postgres"]; !ok {
			c.bad("%s: does not wait for postgres", name)
		}
	}
	if _, ok := pg.mount("/var/lib/postgresql/data"); !ok {
		c.bad("postgres: its data is on no volume")
	}
}

// observation: Prometheus scrapes every service, Grafana asks Prometheus,
// and the dashboard shows metrics that exist.
func (c *checker) observation() {
	prom, grafana := c.file.Services["prometheus"], c.file.Services["grafana"]
	var conf struct {
		Rules  []string `yaml:"rule_files"`
		Scrape []struct {
			Job    string `yaml:"job_name"`
			Static []struct {
				Targets []string `yaml:"targets"`
			} `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	path := ""
	for _, arg := range prom.Command {
		if p, ok := strings.CutPrefix(arg, "--config.file="); ok {
			path, _ = prom.mountedFile(p)
		}
		if p, ok := strings.CutPrefix(arg, "--storage.tsdb.path="); ok {
			if _, ok := prom.mount(p); !ok {
				c.bad("prometheus: its data is on no volume")
			}
		}
	}
	text, err := c.read(path)
	if err == nil {
		err = yaml.Unmarshal([]byte(text), &conf)
	}
	if err != nil {
		c.bad("prometheus: configuration %q: %v", path, err)
	}
	scraped := map[string]bool{}
	for _, job := range conf.Scrape {
		for _, static := range job.Static {
			for _, target := range static.Targets {
				eff, ok := c.own[host(target)]
				if !ok && target != "localhost:9090" || ok && port(target) != port(eff.Ops.Listen) {
					c.bad("prometheus: %s is no service's metrics", target)
				}
				if ok && eff.role != job.Job {
					c.bad("prometheus: %s is in job %s", target, job.Job)
				}
				scraped[host(target)] = true
			}
		}
	}
	for name := range c.own {
		if !scraped[name] {
			c.bad("prometheus: does not scrape %s", name)
		}
	}
	for _, rules := range conf.Rules {
		file, ok := prom.mountedFile(rules)
		if !ok {
			c.bad("prometheus: %s is not mounted", rules)
			continue
		}
		c.alerts(file)
	}
	c.grafana(grafana)
}

func (c *checker) grafana(grafana service) {
	var sources struct {
		List []struct {
			UID string `yaml:"uid"`
			URL string `yaml:"url"`
		} `yaml:"datasources"`
	}
	var providers struct {
		List []struct {
			Options struct {
				Path string `yaml:"path"`
			} `yaml:"options"`
		} `yaml:"providers"`
	}
	for path, into := range map[string]any{
		"/etc/grafana/provisioning/datasources/prometheus.yml": &sources,
		"/etc/grafana/provisioning/dashboards/tidegate.yml":    &providers,
	} {
		file, _ := grafana.mountedFile(path)
		text, err := c.read(file)
		if err == nil {
			err = yaml.Unmarshal([]byte(text), into)
		}
		if err != nil {
			c.bad("grafana: %s: %v", path, err)
		}
	}
	if len(sources.List) != 1 || sources.List[0].URL != "http://prometheus:9090" {
		c.bad("grafana: the data source is not http://prometheus:9090")
		return
	}
	if len(providers.List) != 1 {
		c.bad("grafana: no provider of dashboards")
		return
	}
	home := grafana.Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
	file, ok := grafana.mountedFile(home)
	if !ok || filepath.Dir(home) != providers.List[0].Options.Path {
		c.bad("grafana: the home dashboard %s is not in the mounted folder", home)
		return
	}
	c.dashboard(file, sources.List[0].UID)
}

var metric = regexp.MustCompile(`\btidegate_[a-z0-9_]+`)

func (c *checker) dashboard(file, source string) {
	text, err := c.read(file)
	if err != nil {
		c.bad("grafana: %v", err)
		return
	}
	var board struct {
		Panels []struct {
			Title      string
			Datasource struct{ UID string }
			Targets    []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(text), &board); err != nil || len(board.Panels) == 0 {
		c.bad("%s: no dashboard: %v", file, err)
		return
	}
	for _, p := range board.Panels {
		if p.Datasource.UID != source {
			c.bad("%s: panel %q asks data source %q", file, p.Title, p.Datasource.UID)
		}
		for _, target := range p.Targets {
			c.known(fmt.Sprintf("%s: panel %q shows", file, p.Title), target.Expr)
		}
	}
}

// natsConf checks nats.conf and takes from it what clients have to know.
func (c *checker) natsConf(nats service) map[string]string {
	i := slices.Index(nats.Command, "--config")
	if i < 0 || i+1 >= len(nats.Command) {
		c.bad("nats: no --config")
		return nil
	}
	file, _ := nats.mountedFile(nats.Command[i+1])
	text, err := c.read(file)
	if err != nil {
		c.bad("nats: %v", err)
		return nil
	}
	for name, value := range nats.Environment {
		if err := os.Setenv(name, value); err != nil {
			c.bad("nats: %v", err)
		}
		defer func() { _ = os.Unsetenv(name) }()
	}
	out, err := parseNATS(text)
	if err != nil {
		c.bad("%s: %v", file, err)
		return nil
	}
	if _, ok := nats.mount(out["store_dir"]); !ok {
		c.bad("nats: JetStream's %q is on no volume", out["store_dir"])
	}
	if want := "http://127.0.0.1:" + port(out["http"]) + "/healthz"; !slices.Contains(nats.Healthcheck.Test, want) {
		c.bad("nats: health check %q does not ask %s", nats.Healthcheck.Test, want)
	}
	return out
}

// ports: published on loopback only, and something listens behind each.
func (c *checker) ports() {
	fs := c.file.Services["freeswitch"].Environment
	known := map[string][]string{
		"freeswitch": {fs["TIDEGATE_SIP_PORT"] + "/udp", fs["TIDEGATE_SIP_PORT"] + "/tcp", fs["TIDEGATE_RTP_FIRST"] + "-" + fs["TIDEGATE_RTP_LAST"] + "/udp"},
		"prometheus": {"9090/tcp"},
		"grafana":    {"3000/tcp"},
	}
	for name, eff := range c.own {
		for _, p := range eff.listens() {
			known[name] = append(known[name], p+"/tcp")
		}
	}
	taken := map[string]string{}
	for name, s := range c.file.Services {
		for _, p := range s.Ports {
			parts := strings.Split(p, ":")
			if len(parts) != 3 || parts[0] != "127.0.0.1" {
				c.bad("%s: port %s is not published on loopback only", name, p)
				continue
			}
			if !slices.Contains(known[name], parts[2]) {
				c.bad("%s: nothing listens on %s", name, parts[2])
			}
			if strings.Split(parts[2], "/")[0] != parts[1] {
				c.bad("%s: port %s is published as another one", name, p)
			}
			if other := taken[parts[2]]; other != "" {
				c.bad("%s and %s publish %s", name, other, parts[2])
			}
			taken[parts[2]] = name
		}
	}
	for _, p := range known["freeswitch"] {
		if taken[p] != "freeswitch" {
			c.bad("freeswitch: %s is not published", p)
		}
	}
}
