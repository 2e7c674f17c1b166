package devswitch

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const noChannel = "-ERR No such channel!\n"

// apis are the commands of api and bgapi. Replies are FreeSWITCH's.
var apis map[string]func(*Service, string) string

func init() { // the table refers to functions that refer to it
	apis = map[string]func(*Service, string) string{
		"status":            apiStatus,
		"version":           func(*Service, string) string { return "FreeSWITCH Version " + Version + "\n" },
		"show":              apiShow,
		"global_getvar":     apiGlobal,
		"eval":              func(s *Service, arg string) string { return arg },
		"echo":              func(s *Service, arg string) string { return arg },
		"hostname":          func(s *Service, _ string) string { return s.cfg.Hostname },
		"module_exists":     apiModule,
		"create_uuid":       func(*Service, string) string { return newID() },
		"fsctl":             apiFsctl,
		"originate":         apiOriginate,
		"uuid_exists":       func(s *Service, arg string) string { return strconv.FormatBool(s.find(arg) != nil) },
		"uuid_kill":         apiKill,
		"uuid_dump":         apiDump,
		"uuid_getvar":       apiGetvar,
		"uuid_setvar":       apiSetvar,
		"uuid_setvar_multi": apiSetvarMulti,
		"uuid_break":        apiBreak,
		"uuid_broadcast":    apiBroadcast,
		"uuid_bridge":       apiBridge,
		"uuid_buglist":      apiBuglist,
		"uuid_audio_fork":   apiAudioFork,
		"uuid_send_dtmf":    apiSendDTMF,
		"uuid_park":         apiPark,
		"uuid_answer":       apiAnswer,
		"uuid_transfer":     apiTransfer,
	}
}

func (s *Service) api(name, arg string) string {
	run, known := apis[strings.ToLower(name)]
	if !known {
		return fmt.Sprintf("-ERR %s Command not found!\n", name)
	}
	return run(s, strings.TrimSpace(arg))
}

func apiStatus(s *Service, _ string) string {
	s.mu.Lock()
	count, peak, ready := len(s.channels), s.peak, "ready"
	if s.paused || s.stopping {
		ready = "not ready"
	}
	s.mu.Unlock()
	return fmt.Sprintf("UP %s\nFreeSWITCH (Version %s) is %s\n%d session(s) since startup\n%d session(s) - peak %d, last 5min %d \n"+
		"0 session(s) per Sec out of max %d, peak 0, last 5min 0 \n%d session(s) max\nmin idle cpu 0.00/100.00\n",
		upTime(time.Since(s.began)), Version, ready, s.sessions.Load(), count, peak, peak, s.cfg.SessionsPerSecond, s.cfg.MaxSessions)
}

func apiGlobal(s *Service, name string) string {
	switch name {
	case "core_uuid":
		return s.bus.coreUUID
	case "hostname", "switchname", "local_hostname":
		return s.cfg.Hostname
	case "local_ip_v4":
		return s.bus.address
	}
	return ""
}

var modules = " mod_sofia mod_event_socket mod_commands mod_dptools mod_dialplan_xml mod_tone_stream mod_sndfile mod_audio_fork mod_callcenter "

func apiModule(_ *Service, name string) string {
	return strconv.FormatBool(name != "" && strings.Contains(modules, " "+name+" "))
}

func apiShow(s *Service, arg string) string {
	words := strings.Fields(arg)
	asJSON := strings.HasSuffix(arg, "as json")
	what := ""
	if len(words) > 0 {
		what = words[0]
	}
	if what != "channels" && what != "calls" {
		return "-USAGE: codec|endpoint|application|api|dialplan|file|timer|calls [count]|channels [count|like <match string>]\n"
	}
	all := s.list()
	if len(words) > 1 && words[1] == "count" {
		if asJSON && len(all) == 0 {
			return `{"row_count":0,"rows":[]}`
		}
		if asJSON {
			return fmt.Sprintf(`{"row_count":%d}`, len(all))
		}
		return fmt.Sprintf("\n%d total.\n", len(all))
	}
	rows := make([]map[string]string, 0, len(all))
	for _, c := range all {
		rows = append(rows, c.row())
	}
	if !asJSON {
		return showText(rows)
	}
	if len(rows) == 0 {
		if what == "calls" { // the two lists differ when empty
			return `{"row_count":0,"rows":[]}`
		}
		return "{\"row_count\": 0}\n"
	}
	out, _ := json.Marshal(map[string]any{"row_count": len(rows), "rows": rows})
	return string(out)
}

var rowNames = []string{
	"uuid", "direction", "created", "created_epoch", "name", "state", "cid_name", "cid_num", "ip_addr", "dest",
	"application", "application_data", "dialplan", "context", "read_codec", "read_rate", "read_bit_rate",
	"write_codec", "write_rate", "write_bit_rate", "secure", "hostname", "presence_id", "presence_data", "accountcode",
	"callstate", "callee_name", "callee_num", "callee_direction", "call_uuid", "sent_callee_name", "sent_callee_num",
	"initial_cid_name", "initial_cid_num", "initial_ip_addr", "initial_dest", "initial_dialplan", "initial_context",
}

func showText(rows []map[string]string) string {
	if len(rows) == 0 {
		return "\n0 total.\n"
	}
	var b strings.Builder
	b.WriteString(strings.Join(rowNames, ",") + "\n")
	for _, row := range rows {
		for i, name := range rowNames {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(row[name])
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "\n%d total.\n", len(rows))
	return b.String()
}

func (c *channel) row() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	direction := "outbound"
	if c.inbound {
		direction = "inbound"
	}
	row := map[string]string{
		"uuid": c.id, "direction": direction, "created": c.times.created.Format("2006-01-02 15:04:05"),
		"created_epoch": strconv.FormatInt(c.times.created.Unix(), 10), "name": c.chanName, "state": c.state.String(),
		"cid_name": c.caller.name, "cid_num": c.caller.number, "ip_addr": c.caller.address, "dest": c.caller.dest,
		"application": c.app, "application_data": c.arg, "dialplan": "XML", "context": "public",
		"hostname": c.s.cfg.Hostname, "callstate": c.callState(), "call_uuid": c.vars["call_uuid"],
		"initial_cid_name": c.caller.name, "initial_cid_num": c.caller.number, "initial_ip_addr": c.caller.address,
		"initial_dest": c.caller.dest, "initial_dialplan": "XML", "initial_context": "public",
	}
	if c.call != nil && c.call.Codec() != "" {
		for _, side := range []string{"read", "write"} {
			row[side+"_codec"], row[side+"_rate"], row[side+"_bit_rate"] = string(c.call.Codec()), "8000", "64000"
		}
	}
	for _, name := range rowNames {
		if _, has := row[name]; !has {
			row[name] = ""
		}
	}
	return row
}

// apiFsctl knows what drains a node.
func apiFsctl(s *Service, arg string) string {
	words := strings.Fields(strings.ToLower(arg))
	set := func(paused bool) string {
		s.mu.Lock()
		s.paused = paused
		s.mu.Unlock()
		return "+OK\n"
	}
	if len(words) == 0 {
		return "-USAGE: [pause|resume|shutdown|pause_check]\n"
	}
	switch words[0] {
	case "pause":
		return set(true)
	case "resume":
		return set(false)
	case "pause_check":
		s.mu.Lock()
		defer s.mu.Unlock()
		return strconv.FormatBool(s.paused)
	case "shutdown":
		set(true)
		s.spawn(func() {
			if len(words) > 1 && (words[1] == "elegant" || words[1] == "asap") {
				_ = s.awaitEmpty(s.ctx)
			}
			if s.ctx.Err() == nil {
				s.log.Info("devswitch shut down by command")
				s.bus.fire(newEvent("SHUTDOWN").add("Event-Info", "System Shutting Down"))
			}
		})
		return "+OK\n"
	case "max_sessions":
		return fmt.Sprintf("+OK max sessions: %d\n", s.cfg.MaxSessions)
	case "sps":
		return fmt.Sprintf("+OK sessions per second: %d\n", s.cfg.SessionsPerSecond)
	}
	return "-ERR Invalid command\n"
}
