package devswitch

import (
	"crypto/subtle"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// myEvents is what the myevents command subscribes to; CUSTOM, PLAYBACK_* and
// RECORD_* are not among them.
var myEvents = []string{
	"CHANNEL_ANSWER", "CHANNEL_APPLICATION", "CHANNEL_BRIDGE", "CHANNEL_CREATE", "CHANNEL_DATA", "CHANNEL_DESTROY",
	"CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE", "CHANNEL_ORIGINATE",
	"CHANNEL_UUID", "CHANNEL_OUTGOING", "CHANNEL_PARK", "CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA", "CHANNEL_STATE",
	"CHANNEL_UNBRIDGE", "CHANNEL_UNPARK", "DETECTED_SPEECH", "DTMF", "NOTALK", "TALK",
}

// obey carries out one command. The reply is the Reply-Text, or whole headers
// after ~, or nothing when the answer was sent otherwise; stay false ends the
// connection.
func (l *session) obey(cmd command) (reply string, stay bool) {
	verb, arg, _ := strings.Cut(strings.TrimSpace(cmd.line), " ")
	verb, arg = strings.ToLower(verb), strings.TrimSpace(arg)
	if verb == "exit" || verb == "..." {
		return "+OK bye", false
	}
	if !l.authed {
		return l.authenticate(verb, arg)
	}
	switch verb {
	case "connect":
		if l.c != nil {
			l.connect()
			return "", true
		}
	case "auth":
		return "-ERR command not found", true
	case "filter":
		return l.filter(arg), true
	case "resume":
		if l.c != nil {
			l.c.set("socket_resume", "true")
			return "+OK", true
		}
	case "getvar":
		if l.c != nil {
			return l.c.variable(arg), true
		}
	case "myevents":
		return l.myEvents(arg), true
	case "divert_events":
		return l.divert(arg), true
	case "sendmsg":
		return l.sendmsg(arg, cmd), true
	}
	if l.outbound && !l.full {
		return "-ERR command not found", true
	}
	return l.obeyFull(verb, arg, cmd)
}

func (l *session) obeyFull(verb, arg string, cmd command) (reply string, stay bool) {
	switch verb {
	case "api":
		if arg == "" {
			break
		}
		name, rest, _ := strings.Cut(arg, " ")
		l.respond(l.s.api(name, rest))
		return "", true
	case "bgapi":
		return l.background(arg, cmd.headers["job-uuid"]), true
	case "event":
		return l.subscribe(arg), true
	case "nixevent":
		return l.unsubscribe(arg), true
	case "noevents":
		l.mu.Lock()
		on := l.enabled
		l.enabled, l.all, l.names, l.customs = false, false, map[string]bool{}, map[string]bool{}
		l.mu.Unlock()
		if !on {
			return "-ERR not listening for events", true
		}
		return "+OK no longer listening for events", true
	case "linger":
		return l.lingerFor(arg), true
	case "nolinger":
		return l.lingerFor("0"), true
	case "log":
		l.logging = true
		return "+OK log level " + arg + " [7]", true
	case "nolog":
		if !l.logging {
			return "-ERR not loging", true
		}
		l.logging = false
		return "+OK no longer logging", true
	case "sendevent":
		return l.sendEvent(arg, cmd), true
	}
	return "-ERR command not found", true
}

func (l *session) authenticate(verb, arg string) (string, bool) {
	want := l.s.cfg.EventSocketPassword.Reveal()
	if verb == "auth" && subtle.ConstantTimeCompare([]byte(arg), []byte(want)) == 1 {
		l.mu.Lock()
		l.authed = true
		l.mu.Unlock()
		return "+OK accepted", true
	}
	l.s.m.auth.Inc()
	return "-ERR invalid", false
}

// connect answers with the channel's data, in the place of a reply.
func (l *session) connect() {
	e := l.c.event("CHANNEL_DATA")
	head := &event{headers: append([]header{{"Event-Name", "CHANNEL_DATA"},
		{"Core-UUID", l.s.bus.coreUUID}, {"FreeSWITCH-Hostname", l.s.bus.hostname},
		{"FreeSWITCH-Switchname", l.s.bus.hostname}, {"FreeSWITCH-IPv4", l.s.bus.address}}, e.headers[1:]...)}
	l.c.mu.Lock()
	l.c.fillProfile(head, "Channel")
	l.c.mu.Unlock()
	control := "single-channel"
	if l.full {
		control = "full"
	}
	head.add("Content-Type", "command/reply").add("Reply-Text", "+OK\n").add("Socket-Mode", "async").add("Control", control)
	l.send(string(head.plain(true)))
	l.connOnce.Do(func() { close(l.connected) })
}

func (l *session) filter(arg string) string {
	name, value, _ := strings.Cut(arg, " ")
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case strings.EqualFold(name, "delete") && value != "":
		name, value, _ = strings.Cut(value, " ")
		l.filters = slices.DeleteFunc(l.filters, func(f header) bool {
			return strings.EqualFold(name, "all") || strings.EqualFold(f.name, name) && (value == "" || f.value == value)
		})
		return fmt.Sprintf("+OK filter deleted. [%s][%s]", name, value)
	case value == "":
		return "-ERR invalid syntax"
	}
	if strings.EqualFold(name, "add") {
		name, value, _ = strings.Cut(value, " ")
	}
	if len(l.filters) >= 256 {
		return "-ERR too many filters"
	}
	l.filters = append(l.filters, header{name, value})
	return fmt.Sprintf("+OK filter added. [%s]=[%s]", name, value)
}

func (l *session) myEvents(arg string) string {
	fields := strings.Fields(arg)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.myevents {
		return "-ERR aready enabled."
	}
	if l.c == nil {
		if len(fields) == 0 {
			return "-ERR command not found"
		}
		c := l.s.find(fields[0])
		if c == nil {
			return "-ERR invalid uuid"
		}
		l.c = c
		c.control(l)
	}
	for _, name := range myEvents {
		l.names[name] = true
	}
	if strings.Contains(strings.ToLower(arg), "json") {
		l.format = "json"
	}
	l.myevents, l.enabled = true, true
	return "+OK Events Enabled"
}

func (l *session) divert(arg string) string {
	switch {
	case l.c == nil:
		return "-ERR not controlling a session."
	case arg == "":
		return "-ERR missing value."
	case strings.EqualFold(arg, "on"):
		return "+OK events diverted"
	default:
		return "+OK events not diverted"
	}
}

func (l *session) sendmsg(id string, cmd command) string {
	if id == "" {
		id = cmd.headers["session-id"]
	}
	c := l.c
	if id != "" && (c == nil || id != c.id) {
		c = l.s.find(id)
	}
	if c == nil {
		return fmt.Sprintf("-ERR invalid session id [%s]", id)
	}
	m := &message{headers: cmd.headers}
	if strings.EqualFold(cmd.headers["content-type"], "text/plain") {
		m.body = cmd.body
	}
	if !c.locked.Load() && strings.EqualFold(m.headers["call-command"], "hangup") {
		c.hangup(parseCause(m.headers["hangup-cause"]))
		return "+OK"
	}
	select {
	case c.messages <- m:
		return "+OK"
	default:
		return "-ERR memory error"
	}
}

// background runs an api command beside the connection and reports by event.
func (l *session) background(line, job string) string {
	name, arg, _ := strings.Cut(line, " ")
	if job == "" {
		job = uuid.NewString()
	}
	owner := ""
	if l.c != nil {
		owner = l.c.id
	}
	select {
	case l.s.jobs <- struct{}{}:
	default:
		return "-ERR memory error"
	}
	l.s.spawn(func() {
		defer func() { <-l.s.jobs }()
		e := newEvent("BACKGROUND_JOB").add("Job-UUID", job).add("Job-Owner-UUID", owner).add("Job-Command", name)
		if arg != "" {
			e.add("Job-Command-Arg", arg)
		}
		e.body = l.s.api(name, arg)
		l.s.bus.fire(e)
	})
	return fmt.Sprintf("~Reply-Text: +OK Job-UUID: %s\nJob-UUID: %s\n\n", job, job)
}

func (l *session) subscribe(arg string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	format, known, custom := l.format, 0, false
	for i, word := range strings.Fields(arg) {
		lower := strings.ToLower(word)
		switch {
		case i == 0 && (lower == "plain" || lower == "json"):
			format = lower
		case i == 0 && lower == "xml":
			return "-ERR no keywords supplied" // not spoken here
		case custom:
			l.customs[word] = true
		case lower == "all":
			l.all = true
			known++
		case lower == "custom":
			custom = true
			known++
		case knownEvent(strings.ToUpper(word)):
			l.names[strings.ToUpper(word)] = true
			known++
		}
	}
	l.format = format
	if known == 0 {
		return "-ERR no keywords supplied"
	}
	l.enabled = true
	return "+OK event listener enabled " + format
}

// knownEvent accepts FreeSWITCH's way of naming: capitals and underscores.
func knownEvent(name string) bool {
	return name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == ""
}

func (l *session) unsubscribe(arg string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	known, custom := 0, false
	for _, word := range strings.Fields(arg) {
		switch upper := strings.ToUpper(word); {
		case custom:
			delete(l.customs, word)
		case upper == "CUSTOM":
			custom = true
			known++
		case upper == "ALL":
			l.all, l.names = false, map[string]bool{}
			known++
		case knownEvent(upper):
			delete(l.names, upper)
			known++
		}
	}
	if known == 0 {
		return "-ERR no keywords supplied"
	}
	return "+OK events nixed"
}

func (l *session) lingerFor(arg string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.c == nil {
		return "-ERR not controlling a session"
	}
	switch arg {
	case "0":
		l.linger = 0
		return "+OK will not linger"
	case "":
		l.linger = -1
		return "+OK will linger"
	}
	n, _ := strconv.Atoi(arg)
	l.linger = max(n, 1)
	return fmt.Sprintf("+OK will linger %d seconds", n)
}

func (l *session) sendEvent(name string, cmd command) string {
	if !knownEvent(strings.ToUpper(name)) {
		name = "CUSTOM"
	}
	e := newEvent(strings.ToUpper(name))
	id := uuid.NewString()
	e.add("Event-UUID", id)
	for key, value := range cmd.headers {
		if key != "content-length" {
			e.add(canonical(key), value)
		}
	}
	e.body = cmd.body
	l.s.bus.fire(e)
	return "+OK " + id
}

func canonical(name string) string {
	parts := strings.Split(name, "-")
	for i, p := range parts {
		if p != "" {
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "-")
}
