package devswitch

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

func newID() string { return uuid.NewString() }

func apiKill(s *Service, arg string) string {
	id, cause, _ := strings.Cut(arg, " ")
	if id == "" {
		return "-USAGE: <uuid> [cause]\n"
	}
	c := s.find(id)
	if c == nil || !c.up() {
		return noChannel
	}
	c.hangup(parseCause(firstNonEmpty(cause, "NORMAL_CLEARING")))
	return "+OK\n"
}

func apiDump(s *Service, arg string) string {
	id, format, _ := strings.Cut(arg, " ")
	if id == "" {
		return "-USAGE: <uuid> [format]\n"
	}
	c := s.find(id)
	if c == nil {
		return noChannel
	}
	e := c.event("CHANNEL_DATA")
	if strings.EqualFold(format, "json") {
		return string(e.json())
	}
	return string(e.plain(!strings.EqualFold(format, "plain")))
}

func apiGetvar(s *Service, arg string) string {
	args := splitArguments(arg, 4)
	if len(args) < 2 {
		return "-USAGE: <uuid> <var>\n"
	}
	c := s.find(args[0])
	if c == nil {
		return noChannel
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if value, ok := c.vars[args[1]]; ok {
		return value
	}
	return "_undef_"
}

func apiSetvar(s *Service, arg string) string {
	args := splitArguments(arg, 3)
	if len(args) < 2 {
		return "-USAGE: <uuid> <var> [value]\n"
	}
	c := s.find(args[0])
	if c == nil {
		return noChannel
	}
	value := ""
	if len(args) == 3 {
		value = args[2]
	}
	c.set(args[1], value)
	return "+OK\n"
}

func apiSetvarMulti(s *Service, arg string) string {
	const usage = "-USAGE: <uuid> <var>=<value>;<var>=<value>...\n"
	id, pairs, _ := strings.Cut(arg, " ")
	if id == "" || pairs == "" {
		return usage
	}
	c := s.find(id)
	if c == nil {
		return noChannel + usage // FreeSWITCH says both
	}
	for _, pair := range splitArguments("^^;"+pairs, 64) {
		if name, value, _ := strings.Cut(pair, "="); name != "" {
			c.set(name, value)
		}
	}
	return "+OK\n"
}

// apiBreak ends what plays; with all, what is queued behind it is dropped.
func apiBreak(s *Service, arg string) string {
	id, flags, _ := strings.Cut(arg, " ")
	if id == "" {
		return "-USAGE: <uuid> [all]\n"
	}
	c := s.find(id)
	if c == nil {
		return noChannel
	}
	c.post(func() {
		c.breaking = true
		if !strings.Contains(flags, "all") {
			return
		}
		for {
			select {
			case <-c.messages:
			default:
				return
			}
		}
	})
	return "+OK\n"
}

// apiBroadcast plays a file, or executes app::argument, when the channel is free.
func apiBroadcast(s *Service, arg string) string {
	args := splitArguments(arg, 4)
	if len(args) < 2 {
		return "-USAGE: <uuid> <path> [aleg|bleg|holdb|both]\n"
	}
	c := s.find(args[0])
	if c == nil || !c.up() {
		return "-ERR invalid uuid\n"
	}
	app, data, isApp := strings.Cut(args[1], "::")
	if !isApp {
		app, data = "playback", args[1]
	}
	m := &message{headers: map[string]string{"call-command": "execute", "execute-app-name": app, "execute-app-arg": data}}
	select {
	case c.messages <- m:
		return "+OK Message sent\n"
	default:
		return "-ERR invalid uuid\n"
	}
}

// apiBridge connects two channels that live; both leave what they do.
func apiBridge(s *Service, arg string) string {
	args := splitArguments(arg, 4)
	if len(args) < 2 {
		return "-USAGE: <uuid> <other_uuid>\n"
	}
	a, b := s.find(args[0]), s.find(args[1])
	if a == nil || b == nil || a == b || !a.up() || !b.up() {
		return "-ERR Invalid uuid\n"
	}
	over := newEnding()
	if !b.post(func() { b.redirect = b.bridgeTo(a, over, false) }) {
		return "-ERR Invalid uuid\n"
	}
	if !a.post(func() { a.redirect = a.bridgeTo(b, over, true) }) {
		over.end()
		return "-ERR Invalid uuid\n"
	}
	return fmt.Sprintf("+OK %s\n", args[1])
}

func apiBuglist(s *Service, arg string) string {
	args := splitArguments(arg, 2)
	if len(args) < 1 {
		return "-USAGE: <uuid>\n"
	}
	c := s.find(args[0])
	if c == nil {
		return ""
	}
	var b strings.Builder
	b.WriteString("<media-bugs>\n")
	c.do(func() {
		for name := range c.forks {
			fmt.Fprintf(&b, " <media-bug>\n  <function>%s</function>\n  <target></target>\n  <thread-locked>0</thread-locked>\n </media-bug>\n", name)
		}
	})
	b.WriteString("</media-bugs>\n")
	return b.String()
}

func apiSendDTMF(s *Service, arg string) string {
	args := splitArguments(arg, 2)
	if len(args) < 2 {
		return "-USAGE: <uuid> <dtmf_data>\n"
	}
	c := s.find(args[0])
	if c == nil {
		return "-ERR Cannot locate session!\n"
	}
	keys, _, _ := strings.Cut(args[1], "@")
	if strings.Trim(keys, "0123456789*#ABCDabcdwW") != "" || keys == "" {
		return "-ERR Operation failed\n"
	}
	c.press(keys)
	return fmt.Sprintf("+OK %s sent DTMF %s.\n", args[0], args[1])
}

// apiPark takes a channel away from what it does and parks it.
func apiPark(s *Service, arg string) string {
	c := s.find(arg)
	if c == nil || !c.up() {
		return "-ERR No such channel!\n"
	}
	if !c.post(func() { c.redirect = func() error { return c.execute("park", "", "") } }) {
		return "-ERR Operation failed\n"
	}
	return "+OK\n"
}

func apiAnswer(s *Service, arg string) string {
	c := s.find(arg)
	if c == nil || !c.post(func() { _ = c.answer() }) {
		return "-ERROR\n"
	}
	return "+OK\n"
}

// apiTransfer sends a channel into the dialplan again, whatever the extension:
// there is one dialplan. With the inline dialplan the extension is the plan:
// app:argument, comma separated.
func apiTransfer(s *Service, arg string) string {
	args := splitArguments(arg, 6)
	if len(args) < 2 {
		return "-USAGE: <uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]\n"
	}
	c := s.find(args[0])
	if c == nil || !c.up() {
		return noChannel
	}
	plan := s.plan
	if len(args) > 2 && args[2] == "inline" {
		plan = inlinePlan(args[1])
	}
	if !c.post(func() {
		c.redirect = func() error {
			c.setState(csExecute)
			return c.follow(plan)
		}
	}) {
		return "-ERR Operation failed\n"
	}
	return "+OK\n"
}

func inlinePlan(s string) []action {
	var plan []action
	for step := range strings.SplitSeq(s, ",") {
		app, arg, _ := strings.Cut(step, ":")
		plan = append(plan, action{app, arg})
	}
	return plan
}

// apiOriginate places a call and, once it is answered, gives it to an
// application (&park()) or to the dialplan.
func apiOriginate(s *Service, arg string) string {
	dialText, rest := cutDial(arg)
	args := splitArguments(rest, 8)
	if dialText == "" || len(args) == 0 {
		return "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] [<cid_name>] [<cid_num>] [<timeout_sec>]\n"
	}
	dial, err := parseDial(dialText)
	if err != nil {
		if errors.Is(err, errDialString) {
			return "-ERR CHAN_NOT_IMPLEMENTED\n"
		}
		return "-ERR NORMAL_TEMPORARY_FAILURE\n"
	}
	plan := s.plan
	if strings.HasPrefix(args[0], "&") {
		app, appArg, _ := strings.Cut(strings.TrimPrefix(args[0], "&"), "(")
		plan = []action{{app, strings.TrimSuffix(appArg, ")")}}
	}
	if len(args) > 4 && dial.vars["origination_caller_id_number"] == "" {
		dial.vars["origination_caller_id_name"], dial.vars["origination_caller_id_number"] = args[3], args[4]
	}
	c, cause := s.originate(s.ctx, dial, nil)
	if c == nil {
		return "-ERR " + causeName(cause) + "\n"
	}
	s.spawn(func() { c.live(plan) })
	return "+OK " + c.id + "\n"
}

// cutDial takes the dial string, which may hold blanks within its braces.
func cutDial(arg string) (dial, rest string) {
	depth := 0
	for i := range len(arg) {
		switch arg[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ' ':
			if depth <= 0 {
				return arg[:i], strings.TrimSpace(arg[i:])
			}
		}
	}
	return arg, ""
}
