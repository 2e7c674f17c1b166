// Package compose_test holds docker-compose.yml and the files that it mounts
// to the project: commands, flags, keys, ports, paths, volumes and metrics
// are those that exist, and the services fit together.
package compose_test

import (
	"strings"
	"testing"
)

func TestComposeFitsTheProject(t *testing.T) {
	for _, found := range check(project{root: "../.."}) {
		t.Error(found)
	}
}

// Each way to break the deployment is noticed.
func TestBrokenDeploymentsAreFound(t *testing.T) {
	const compose, prom = "docker-compose.yml", "deploy/compose/prometheus.yml"
	for name, tc := range map[string]struct{ file, old, new, want string }{
		"subcommand":     {compose, "command: [worker, oms]", "command: [worker, orders]", "no such subcommand"},
		"group only":     {compose, "command: [worker, oms]", "command: [worker]", "no such subcommand"},
		"flag":           {compose, "--orchestrator.name=orchestrator-2", "--orchestrator.title=x", "flag --orchestrator.title"},
		"instance name":  {compose, "--orchestrator.name=orchestrator-2", "--orchestrator.name=orchestrator-1", "calls itself"},
		"variable":       {compose, "TIDEGATE_LOG_FORMAT", "TIDEGATE_LOG_FORMAR", "TIDEGATE_LOG_FORMAR: no such key"},
		"section":        {compose, "TIDEGATE_CONSOLE_LISTEN: 0", "TIDEGATE_MEDIABRIDGE_LISTEN: 0", "does not read that section"},
		"value":          {compose, "TIDEGATE_TTS_ENGINE: espeak", "TIDEGATE_TTS_ENGINE: parrot", "tts.engine"},
		"duration":       {compose, "TIDEGATE_OPS_DRAIN_LIMIT: 120s", "TIDEGATE_OPS_DRAIN_LIMIT: soon", "drain_limit"},
		"grace":          {compose, "stop_grace_period: 150s", "stop_grace_period: 10s", "stop_grace_period"},
		"compose key":    {compose, "    restart: unless-stopped\n    entrypoint", "    restrat: unless-stopped\n    entrypoint", "restrat"},
		"no default":     {compose, "${SIP_ADVERTISE:-172.30.84.10}", "${SIP_ADVERTISE}", "neither a default"},
		"undocumented":   {compose, "${SIP_ADVERTISE:-172.30.84.10}", "${SIP_ADDRESS:-172.30.84.10}", "SIP_ADDRESS} is not in .env.example"},
		"default secret": {compose, "${GRAFANA_PASSWORD:?set it in .env}", "${GRAFANA_PASSWORD:-admin}", "a secret has no default"},
		"written secret": {compose, "${GRAFANA_PASSWORD:?set it in .env}", "admin", "is written into the file"},
		"example secret": {".env.example", "GRAFANA_PASSWORD=", "GRAFANA_PASSWORD=admin", "has a value"},
		"no keys": {compose, "  TIDEGATE_STORE_VAULT_KEYS: >-\n    {active: k1, keys: {k1: \"${VAULT_SECRET:?set it in .env}\"},\n" +
			"    active_index: i1, index_keys: {i1: \"${VAULT_INDEX_SECRET:?set it in .env}\"}}\n", "", "must be set for PostgreSQL"},
		"other key":         {compose, "{active: k1,", "{active: k2,", "vault.keys"},
		"host path":         {compose, "./deploy/compose/prometheus.yml", "./deploy/prometheus.yml", "not in the project"},
		"writable":          {compose, "freeswitch:ro", "freeswitch", "mounted for writing"},
		"volume":            {compose, "- spool-2:/var/lib/tidegate/spool", "- spool-3:/var/lib/tidegate/spool", "spool-3 is not declared"},
		"shared spool":      {compose, "- spool-2:/var/lib/tidegate/spool", "- spool-1:/var/lib/tidegate/spool", "share the spool"},
		"spool elsewhere":   {compose, "SPOOL_DIR: /var/lib/tidegate/spool", "SPOOL_DIR: /tmp/spool", "no volume at orchestrator.spool.dir"},
		"orchestrator port": {compose, "ESL_LISTEN: 0.0.0.0:8084", "ESL_LISTEN: 0.0.0.0:8085", "does not dial orchestrator-1:8085"},
		"socket chain":      {compose, "TIDEGATE_SECOND: orchestrator-2:8084|orchestrator-1:8084", "TIDEGATE_SECOND: orchestrator-3:8084", "which is no orchestrator"},
		"loopback only":     {compose, "ESL_LISTEN: 0.0.0.0:8084", "ESL_LISTEN: 127.0.0.1:8084", "cannot be reached"},
		"call secret":       {compose, "TIDEGATE_SECRET: ${TIDEGATE_ORCHESTRATOR_ESL_SECRET", "TIDEGATE_SECRET: ${TIDEGATE_ORCHESTRATOR_FORK_SECRET", "esl.secret differs"},
		"node password":     {compose, "EVENT_SOCKET_PASSWORD: ${TIDEGATE_ORCHESTRATOR_NODE_PASSWORD", "EVENT_SOCKET_PASSWORD: ${TIDEGATE_NATS_PASSWORD", "node_password differs"},
		"node port":         {compose, "NODES: freeswitch:8021", "NODES: freeswitch:8022", "event socket"},
		"access list":       {compose, "EVENT_SOCKET_ALLOW: 172.30.84.0/24", "EVENT_SOCKET_ALLOW: 0.0.0.0/0", "lets 0.0.0.0/0 in"},
		"switch variable":   {compose, "TIDEGATE_RTP_FIRST", "TIDEGATE_RTP_START", "nothing in freeswitch-conf reads"},
		"sip address":       {compose, "TIDEGATE_SIP_IP: 172.30.84.10", "TIDEGATE_SIP_IP: 172.30.84.11", "is not its address"},
		"sip port":          {compose, `TIDEGATE_SIP_PORT: "5060"`, `TIDEGATE_SIP_PORT: "5062"`, "nothing listens on 5060"},
		"entrypoint":        {compose, "freeswitch/entrypoint.sh]", "freeswitch/start.sh]", "is no executable"},
		"sessions":          {compose, `MAX_SESSIONS: "200"`, `MAX_SESSIONS: "60"`, "refusals would be FreeSWITCH's own"},
		"queue":             {compose, "HANDOFF_QUEUE: fallback", "HANDOFF_QUEUE: support@default", "callcenter.conf.xml"},
		"profile":           {compose, "HANDOFF_PROFILE: external", "HANDOFF_PROFILE: internal", "sip_profiles"},
		"bridge":            {compose, "FORK_BRIDGES: ws://mediabridge:8090", "FORK_BRIDGES: ws://mediabridge:8091", "is no mediabridge"},
		"fork secret":       {compose, "MEDIABRIDGE_FORK_SECRET: ${TIDEGATE_ORCHESTRATOR_FORK_SECRET", "MEDIABRIDGE_FORK_SECRET: ${TIDEGATE_ORCHESTRATOR_ESL_SECRET", "different fork secrets"},
		"advertised":        {compose, "ws://asr:8091", "ws://tts:8091", "advertises"},
		"record url":        {compose, "RECORD_URL: http://127.0.0.1:8080", "RECORD_URL: http://127.0.0.1:8081", "record_url"},
		"nats address":      {compose, "nats://nats:4222", "nats://nats:4223", "but nats listens"},
		"nats user":         {"deploy/compose/nats.conf", "user: tidegate", "user: other", "not that of nats.conf"},
		"nats syntax":       {"deploy/compose/nats.conf", "jetstream {", "jetstream {{", "nats.conf"},
		"database":          {compose, "@postgres:5432/tidegate", "@postgres:5432/shop", "not the database"},
		"other database":    {compose, "<<: [*environment, *store]\n    depends_on", "<<: *environment\n    depends_on", "no TIDEGATE_STORE_DSN"},
		"dependency":        {compose, "prometheus: {condition", "prometeus: {condition", "which is not there"},
		"health check":      {compose, "9464/readyz", "9465/readyz", "does not ask"},
		"ops port":          {compose, "OPS_LISTEN: 0.0.0.0:9464", "OPS_LISTEN: 0.0.0.0:9466", "is no service's metrics"},
		"open port":         {compose, "127.0.0.1:3000:3000/tcp", "3000:3000/tcp", "not published on loopback only"},
		"dead port":         {compose, "127.0.0.1:8080:8080/tcp", "127.0.0.1:8081:8081/tcp", "nothing listens on 8081"},
		"untagged":          {compose, "image: nats:2-alpine", "image: nats", "has no tag"},
		"scraped":           {prom, "[orchestrator-1:9464, orchestrator-2:9464]", "[orchestrator-1:9464]", "does not scrape orchestrator-2"},
		"target":            {prom, "[asr:9464]", "[asr:8091]", "asr:8091 is no service's metrics"},
		"data source":       {"deploy/compose/grafana/provisioning/datasources/prometheus.yml", "http://prometheus:9090", "http://localhost:9090", "the data source is not"},
		"metric":            {"deploy/compose/grafana/dashboards/calls.json", "tidegate_call_active", "tidegate_call_activity", "which no service has"},
		"alert metric":      {"deploy/compose/alerts.yml", "tidegate_ticket_overdue", "tidegate_ticket_overdone", "which no service has"},
		"alert severity":    {"deploy/compose/alerts.yml", "severity:", "severeness:", "severity or summary"},
		"alerts elsewhere":  {compose, "/etc/prometheus/alerts.yml", "/etc/prometheus/rules.yml", "is not mounted"},
		"dockerfile user":   {"Dockerfile", "USER tidegate", "USER root", "USER tidegate"},
		"dockerfile go":     {"Dockerfile", "golang:1.", "golang:2.", "golang:"},
		"dockerfile cgo":    {"Dockerfile", "CGO_ENABLED=1", "CGO_ENABLED=0", "CGO_ENABLED=1"},
		"dockerfile models": {"Dockerfile", " /var/lib/tidegate/models", "", "does not make /var/lib/tidegate/models"},
		"models elsewhere":  {"docker-compose.yml", "TIDEGATE_MODELS_DIR: /var/lib/tidegate/models", "TIDEGATE_MODELS_DIR: /var/lib/tidegate/data", "no volume at models.dir"},
		"dockerignore":      {".dockerignore", "!deploy/link.sh", "", "keeps deploy/link.sh from the build"},
		"dockerfile copy":   {"Dockerfile", "COPY LICENSE", "COPY LICENCE", "which is not there"},
	} {
		t.Run(name, func(t *testing.T) {
			p := project{root: "../.."}
			text, err := p.read(tc.file)
			if err != nil {
				t.Fatal(err)
			}
			broken := strings.ReplaceAll(text, tc.old, tc.new)
			if broken == text {
				t.Fatalf("%s has no %q", tc.file, tc.old)
			}
			p.replaced = map[string]string{tc.file: broken}
			if found := strings.Join(check(p), "\n"); !strings.Contains(found, tc.want) {
				t.Errorf("found %q, want %q", found, tc.want)
			}
		})
	}
}
