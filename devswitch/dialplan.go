package devswitch

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// action is one application of a dialplan with its argument.
type action struct{ app, arg string }

// parsePlan reads "application argument" lines.
func parsePlan(lines []string) []action {
	plan := make([]action, 0, len(lines))
	for _, line := range lines {
		app, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
		plan = append(plan, action{app, strings.TrimSpace(arg)})
	}
	return plan
}

// live is the channel's whole life on its goroutine.
func (c *channel) live(plan []action) {
	defer close(c.dead)
	c.ticker = time.NewTicker(frameTime)
	defer c.ticker.Stop()
	c.setState(csExecute)
	err := c.follow(plan)
	for errors.Is(err, errRedirect) {
		next := c.redirect
		c.redirect = nil
		err = next()
	}
	if c.up() {
		_ = c.down(causeNormalClearing, false) // the dialplan has run out
	}
	c.report()
	c.s.remove(c)
}

// follow executes a dialplan until it ends or the channel does.
func (c *channel) follow(plan []action) error {
	for _, a := range plan {
		if err := c.execute(a.app, a.arg, ""); err != nil {
			return err
		}
	}
	return nil
}

// execute runs one application between its two events. Only errGone and
// errRedirect come back.
func (c *channel) execute(app, arg, id string) error {
	if !c.up() {
		return errGone
	}
	run, known := applications[app]
	if !known {
		c.log.Warn("unknown dialplan application", "application", app)
		return c.down(causeOutOfOrder, false)
	}
	if id == "" {
		id = uuid.NewString()
	}
	arg = c.expand(arg)
	c.mu.Lock()
	c.app, c.arg = app, arg
	c.vars["current_application"] = app
	c.vars["current_application_data"] = arg
	delete(c.vars, "current_application_response")
	c.mu.Unlock()
	shown := []header{{"Application", app}, {"Application-Data", arg}, {"Application-UUID", id}}
	c.fire("CHANNEL_EXECUTE", shown...)
	err := run(c, arg)
	response := c.variable("current_application_response")
	if response == "" {
		response = "_none_"
	}
	c.fire("CHANNEL_EXECUTE_COMPLETE",
		shown[0], shown[1], header{"Application-Response", response}, shown[2])
	if errors.Is(err, errGone) || errors.Is(err, errRedirect) {
		return err
	}
	return nil
}

func (c *channel) respond(s string) { c.set("current_application_response", s) }

// obey carries out one sendmsg.
func (c *channel) obey(m *message) error {
	if isTrue(m.headers["event-lock"]) {
		c.locked.Store(true)
		defer c.locked.Store(false)
	}
	switch strings.ToLower(m.headers["call-command"]) {
	case "execute":
		app := m.headers["execute-app-name"]
		arg := m.headers["execute-app-arg"]
		if arg == "" && m.body != "" {
			arg = m.body
		}
		return c.repeat(app, arg, m.headers["event-uuid"], atoi(m.headers["loops"]))
	case "hangup":
		return c.down(parseCause(m.headers["hangup-cause"]), false)
	}
	return nil // nomedia, unicast, xferext: nothing here to do
}

// repeat executes an application loops times; one that took under half a
// second is not repeated, as in FreeSWITCH.
func (c *channel) repeat(app, arg, id string, loops int) error {
	if app == "" {
		return nil
	}
	for n := 0; ; n++ {
		began := time.Now()
		if err := c.execute(app, arg, id); err != nil {
			return err
		}
		if loops >= 0 && n+1 >= loops || time.Since(began) < 500*time.Millisecond || c.breaking {
			return nil
		}
	}
}

var variableInText = regexp.MustCompile(`\$\{([A-Za-z0-9_.-]+)\}`)

// expand puts variables into an argument. API calls within ${} are left as
// they are: FreeSWITCH is configured not to run them either.
func (c *channel) expand(arg string) string {
	if !strings.Contains(arg, "${") {
		return arg
	}
	return variableInText.ReplaceAllStringFunc(arg, func(s string) string {
		return c.variable(s[2 : len(s)-1])
	})
}

func atoi(s string) int {
	n, _ := strconv.Atoi(strings.TrimSpace(s))
	return n
}

func isTrue(s string) bool {
	switch strings.ToLower(s) {
	case "true", "yes", "on", "enabled", "active", "allow", "t", "y", "1":
		return true
	}
	return false
}
