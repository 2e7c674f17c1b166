package notify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/tidegate/tidegate/internal/restcall"
)

// Gateway is where one channel's messages go.
type Gateway struct {
	restcall.Endpoint `yaml:",inline"`
	QueryKey          *QueryKey         `yaml:"query_key"`
	ACS3              *ACS3             `yaml:"acs3"`
	To                string            `yaml:"to"`         // caller (default) or team
	Idempotent        bool              `yaml:"idempotent"` // takes repeats for one, by the key or webhook-id
	Lost              string            `yaml:"lost"`       // unknown (default) or retry
	Signature         string            `yaml:"signature"`  // what the gateway puts before an SMS
	OptOutText        map[string]string `yaml:"optout_text"`
	Quiet             *Quiet            `yaml:"quiet"`
	Send              *restcall.Call    `yaml:"send"`
	Outcome           Outcome           `yaml:"outcome"`
}

// Whom a gateway's messages are for.
const (
	toCaller = "caller"
	toTeam   = "team"
)

// What is done when an answer is lost.
const (
	lostUnknown = "unknown"
	lostRetry   = "retry"
)

// Outcome says what the gateway's codes mean. NotSent are HTTP statuses of
// 408, 425, 429 and 500 to 599 after which nothing was sent, for certain.
type Outcome struct {
	Accepted  []string `yaml:"accepted"`
	Refused   []string `yaml:"refused"`
	Later     []string `yaml:"later"`
	Otherwise string   `yaml:"otherwise"` // refused (default), later or unknown
	NotSent   []int    `yaml:"not_sent"`
}

// fate is what became of one request.
type fate string

const (
	fateAccepted fate = "accepted"
	fateRefused  fate = "refused" // for good
	fateLater    fate = "later"   // nothing was sent; try again
	fateUnknown  fate = "unknown" // perhaps it was sent
	fateBroken   fate = "broken"  // there was no request to make
)

// Verdict is a fate with what the gateway said.
type Verdict struct {
	fate       fate
	ID         string // the gateway's own of the message
	Code       string
	Reason     string
	RetryAfter time.Duration
	err        error // what a guard has to know
}

// Accepted says that the gateway has it.
func (v Verdict) Accepted() bool { return v.fate == fateAccepted }

// Fate is one of accepted, refused, later, unknown, broken.
func (v Verdict) Fate() string { return string(v.fate) }

var sendFields = []string{"id", "code", "reason"}

// The default of not_sent: who says "too many" has taken nothing (RFC 6585,
// section 4). 503 is not in it, since a proxy says so too when the gateway had
// the request and the connection broke before its answer.
var defaultNotSent = []int{http.StatusTooManyRequests}

func (g *Gateway) validate(channel string) error {
	if g == nil {
		return errors.New("base: missing")
	}
	errs := []error{g.Endpoint.Validate()}
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if g.To == "" {
		g.To = toCaller
	}
	if g.To != toCaller && g.To != toTeam {
		bad("to: %.20q is neither %s nor %s", g.To, toCaller, toTeam)
	}
	if channel == ChannelSMS && g.To == toTeam {
		bad("to: an SMS goes to the caller")
	}
	if g.Lost == "" {
		g.Lost = lostUnknown
	}
	if g.Lost != lostUnknown && g.Lost != lostRetry {
		bad("lost: %.20q is neither %s nor %s", g.Lost, lostUnknown, lostRetry)
	}
	if n := boolCount(g.Auth != (restcall.Auth{}), g.QueryKey != nil, g.ACS3 != nil); n > 1 {
		bad("auth: wants one of auth, query_key and acs3, not several")
	}
	errs = append(errs, prefixed("query_key", g.QueryKey.validate()), prefixed("acs3", g.ACS3.validate()), prefixed("quiet", g.Quiet.validate()))
	for lang := range g.OptOutText {
		if !slices.Contains(languages, lang) {
			bad("optout_text.%s: there is no such language", lang)
		}
	}
	if g.Send == nil {
		bad("send: missing")
	}
	errs = append(errs, g.Send.Validate("send", sendFields, nil), g.validateOutcome())
	return errors.Join(errs...)
}

func (g *Gateway) validateOutcome() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	o := &g.Outcome
	if o.Otherwise == "" {
		o.Otherwise = string(fateRefused)
	}
	if !slices.Contains([]fate{fateRefused, fateLater, fateUnknown}, fate(o.Otherwise)) {
		bad("outcome.otherwise: %.20q is none of refused, later, unknown", o.Otherwise)
	}
	hasCode := g.Send != nil && g.Send.Map["code"].Set()
	switch {
	case hasCode && len(o.Accepted) == 0:
		bad("outcome.accepted: missing; which codes of send.map.code mean that the gateway has it?")
	case !hasCode && len(o.Accepted)+len(o.Refused)+len(o.Later) > 0:
		bad("outcome: wants send.map.code")
	}
	seen := map[string]bool{}
	for _, code := range slices.Concat(o.Accepted, o.Refused, o.Later) {
		if seen[code] {
			bad("outcome: %.40q is there twice", code)
		}
		seen[code] = true
	}
	for _, status := range o.NotSent {
		if status != 408 && status != 425 && status != 429 && (status < 500 || status > 599) {
			bad("outcome.not_sent: %d is none of 408, 425, 429, 500..599", status)
		}
	}
	if o.NotSent == nil {
		o.NotSent = defaultNotSent
	}
	return errors.Join(errs...)
}

func boolCount(list ...bool) (n int) {
	for _, b := range list {
		if b {
			n++
		}
	}
	return n
}

func (g *Gateway) secrets() []restcall.Secret {
	out := g.Endpoint.Secrets()
	if g.QueryKey != nil {
		out = append(out, g.QueryKey.Secrets()...)
	}
	if g.ACS3 != nil {
		out = append(out, g.ACS3.Secrets()...)
	}
	return out
}

// authorizer is how the gateway lets requests in, where that is not the
// endpoint's own way.
func (g *Gateway) authorizer() restcall.Authorizer {
	switch {
	case g.QueryKey != nil:
		return g.QueryKey
	case g.ACS3 != nil:
		return g.ACS3
	}
	return nil
}

// repeats says whether a request whose answer was lost is made again.
func (g *Gateway) repeats() bool { return g.Idempotent || g.Lost == lostRetry }

// Connection is a tenant's file with the clients of its gateways. Safe for
// concurrent use.
type Connection struct {
	Spec    *Spec
	clients map[string]*restcall.Client
}

// Connect makes the clients of a parsed file. Secrets are read when they are used.
func Connect(spec *Spec) (*Connection, error) {
	c := &Connection{Spec: spec, clients: map[string]*restcall.Client{}}
	for channel, g := range spec.Gateways {
		client, err := restcall.NewClient(g.Endpoint, g.authorizer())
		if err != nil {
			return nil, fmt.Errorf("gateways.%s.%w", channel, err)
		}
		c.clients[channel] = client
	}
	return c, nil
}

// Close ends idle connections.
func (c *Connection) Close() {
	for _, client := range c.clients {
		client.Close()
	}
}

// Send makes one request for what was composed, and says what became of it.
// Watch, unless it is nil, is shown the exchange, masked.
func (c *Connection) Send(ctx context.Context, o *Composed, watch func(restcall.Exchange)) Verdict {
	g := c.Spec.Gateways[o.Channel]
	opts := []restcall.Option{restcall.WithID(o.Key)}
	if g.Send.Map["code"].Set() {
		opts = append(opts, restcall.Require("code"))
	}
	var e restcall.Exchange
	client := c.clients[o.Channel]
	a, err := client.Do(ctx, "send", g.Send, o.data, append(opts, restcall.Show(&e))...)
	if watch != nil {
		watch(e)
	}
	if reason := a.Values.Text("reason"); reason != "" {
		a.Values["reason"] = client.MaskWords(reason) // it is kept, and may repeat the number
	}
	return g.judge(a, err)
}

// judge says what became of a request. Only what is certain not to have been
// sent is "later".
func (g *Gateway) judge(a restcall.Answer, err error) Verdict {
	v := Verdict{ID: short(a.Values.Text("id"), 128), Code: short(a.Values.Text("code"), 64), Reason: short(a.Values.Text("reason"), 200)}
	v.err = err
	var call *restcall.Error
	switch o := g.Outcome; {
	case errors.As(err, &call):
		v.Reason, v.RetryAfter = short(call.Error(), 300), call.RetryAfter
		v.fate = g.judgeError(call)
	case err != nil:
		v.fate, v.Reason = fateUnknown, short(err.Error(), 300)
	case v.Code == "" && !g.Send.Map["code"].Set(), slices.Contains(o.Accepted, v.Code):
		v.fate = fateAccepted
	case slices.Contains(o.Refused, v.Code):
		v.fate = fateRefused
	case slices.Contains(o.Later, v.Code):
		v.fate = fateLater
	default:
		v.fate = fate(o.Otherwise)
	}
	return v
}

func (g *Gateway) judgeError(e *restcall.Error) fate {
	switch {
	case errors.Is(e, restcall.ErrTemplate):
		return fateBroken
	case !e.Sent, errors.Is(e, restcall.ErrDenied):
		return fateLater
	case errors.Is(e, restcall.ErrRefused):
		return fateRefused
	case errors.Is(e, restcall.ErrUnavailable) && slices.Contains(g.Outcome.NotSent, e.Status):
		return fateLater
	}
	return fateUnknown
}

// guarded says what became of a request that a guard was in front of: one that
// was not begun, for the breaker or for want of a turn, is for later.
func guarded(v Verdict, err error, begun bool) Verdict {
	switch {
	case v.fate != "":
		return v
	case !begun:
		return Verdict{fate: fateLater, Reason: short(err.Error(), 300)}
	}
	return Verdict{fate: fateUnknown, Reason: short(err.Error(), 300)}
}

func short(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most])
	}
	return s
}
