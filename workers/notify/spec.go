package notify

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/schemas"
)

// Connector is what a file of this kind says it is.
const Connector = "notify"

// Channels that callers are told over, and the groups of a company's people.
const (
	ChannelSMS     = "sms"
	ChannelMessage = "message"
)

// Languages of texts.
const (
	Chinese = "zh-CN"
	English = "en-US"
)

// Events that are told of. A change of status is eventStatus and the status.
const (
	EventOpened  = "opened"
	EventReturn  = "return_created"
	EventPickup  = "pickup_code"
	eventStatus  = "status"
	statusPrefix = "status_"
)

var (
	channels  = []string{ChannelSMS, ChannelMessage}
	languages = []string{Chinese, English}
)

// Events lists all of them.
func Events() []string {
	out := []string{EventOpened, EventReturn, EventPickup}
	for _, s := range schemas.TicketStatuses() {
		out = append(out, statusPrefix+string(s))
	}
	return out
}

// Spec is a file: what a tenant's callers are told.
type Spec struct {
	Connector string `yaml:"connector"`
	// Language is used where a call's is not known, or has no text.
	Language string                         `yaml:"language"`
	Brand    string                         `yaml:"brand"`
	Gateways map[string]*Gateway            `yaml:"gateways"` // by channel
	Events   map[string]map[string]*Message `yaml:"events"`   // by event and channel
	Replies  *Replies                       `yaml:"replies"`
	Codes    *Codes                         `yaml:"pickup_codes"`
}

// Message is what one event says over one channel. Text and Template are by
// language.
type Message struct {
	Text     map[string]restcall.Text `yaml:"text"`
	Template map[string]string        `yaml:"template"` // the gateway's id of an approved text
	Params   map[string]restcall.Text `yaml:"params"`   // what the gateway fills that text in with
	When     restcall.Expr            `yaml:"when"`     // only where this is true
}

// Replies reads what callers answer.
type Replies struct {
	Secret restcall.Secret          `yaml:"secret"`
	Items  restcall.Expr            `yaml:"items"` // a list in the message; without it the message is one reply
	Map    map[string]restcall.Expr `yaml:"map"`
	OptOut []string                 `yaml:"optout"` // words
	OptIn  []string                 `yaml:"optin"`
}

// Codes reads pick-up codes that the shop or a courier's system sends.
type Codes struct {
	Secret restcall.Secret          `yaml:"secret"`
	Items  restcall.Expr            `yaml:"items"`
	Map    map[string]restcall.Expr `yaml:"map"`
}

// What callers write who want no more, and who want it again. No two readings:
// a reply counts when it is one of them and nothing else.
var (
	defaultOptOut = []string{"TD", "T", "N", "R", "退订", "拒收", "退订回T", "取消订阅", "STOP", "UNSUBSCRIBE", "CANCEL", "QUIT", "END"}
	defaultOptIn  = []string{"订阅", "恢复", "START", "UNSTOP"}
)

var (
	replyFields = []string{"phone", "text", "at"}
	codeFields  = []string{"return", "ticket", "code"}
)

// Parse reads a file strictly. Every mistake is told, with its line where it
// has one.
func Parse(file string, b []byte) (*Spec, error) {
	s := new(Spec)
	if err := restcall.Decode(file, b, s); err != nil {
		return nil, err
	}
	return s, restcall.Mistakes(file, b, s.validate())
}

// Read reads a file.
func Read(file string) (*Spec, error) {
	b, err := restcall.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return Parse(file, b)
}

func (s *Spec) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if s.Connector != Connector {
		bad("connector: wants %s", Connector)
	}
	if s.Language == "" {
		s.Language = Chinese
	}
	if !slices.Contains(languages, s.Language) {
		bad("language: %.20q is none of %s", s.Language, strings.Join(languages, ", "))
	}
	if len(s.Gateways) == 0 {
		bad("gateways: missing")
	}
	for channel, g := range s.Gateways {
		if !slices.Contains(channels, channel) {
			bad("gateways.%s: there is no such channel; there are %s", channel, strings.Join(channels, ", "))
			continue
		}
		errs = append(errs, prefixed("gateways."+channel, g.validate(channel)))
	}
	if len(s.Events) == 0 {
		bad("events: missing")
	}
	for event, byChannel := range s.Events {
		if !slices.Contains(Events(), event) {
			bad("events.%s: there is no such event; there are %s", event, strings.Join(Events(), ", "))
		}
		if len(byChannel) == 0 {
			bad("events.%s: says nothing", event)
		}
		for channel, m := range byChannel {
			key := "events." + event + "." + channel
			if s.Gateways[channel] == nil {
				bad("%s: there is no gateways.%s", key, channel)
			}
			errs = append(errs, prefixed(key, m.validate(s.Language)))
		}
	}
	errs = append(errs, prefixed("replies", s.Replies.validate()), prefixed("pickup_codes", s.Codes.validate()))
	if errors.Join(errs...) == nil {
		errs = append(errs, s.rehearse())
	}
	return errors.Join(errs...)
}

// prefixed puts a key before each line of an error.
func prefixed(key string, err error) error {
	if err == nil {
		return nil
	}
	var errs []error
	for _, line := range strings.Split(err.Error(), "\n") {
		errs = append(errs, errors.New(key+"."+line))
	}
	return errors.Join(errs...)
}

func (m *Message) validate(language string) error {
	if m == nil {
		return errors.New("text: missing")
	}
	var errs []error
	if _, ok := m.Text[language]; !ok {
		errs = append(errs, fmt.Errorf("text.%s: missing; it is the file's language", language))
	}
	for lang, t := range m.Text {
		if !slices.Contains(languages, lang) {
			errs = append(errs, fmt.Errorf("text.%s: there is no such language; there are %s", lang, strings.Join(languages, ", ")))
		}
		if strings.TrimSpace(t.Source) == "" {
			errs = append(errs, fmt.Errorf("text.%s: is empty", lang))
		}
	}
	for lang := range m.Template {
		if _, ok := m.Text[lang]; !ok {
			errs = append(errs, fmt.Errorf("template.%s: there is no text in that language", lang))
		}
	}
	if len(m.Template) > 0 && len(m.Template) != len(m.Text) {
		errs = append(errs, errors.New("template: wants one for each language of text"))
	}
	return errors.Join(errs...)
}

func (r *Replies) validate() error {
	if r == nil {
		return nil
	}
	if len(r.OptOut) == 0 {
		r.OptOut = defaultOptOut
	}
	if len(r.OptIn) == 0 {
		r.OptIn = defaultOptIn
	}
	return incomingMap(r.Secret, r.Map, replyFields, "phone", "text")
}

func (c *Codes) validate() error {
	if c == nil {
		return nil
	}
	err := incomingMap(c.Secret, c.Map, codeFields, "code")
	if !c.Map["return"].Set() && !c.Map["ticket"].Set() {
		err = errors.Join(err, errors.New("map.return: missing, and ticket too"))
	}
	return err
}

func incomingMap(secret restcall.Secret, m map[string]restcall.Expr, fields []string, required ...string) error {
	var errs []error
	if !secret.Set() {
		errs = append(errs, errors.New("secret: missing; anybody could send us messages"))
	}
	for f := range m {
		if !slices.Contains(fields, f) {
			errs = append(errs, fmt.Errorf("map.%s: there is no such field; there are %s", f, strings.Join(fields, ", ")))
		}
	}
	for _, f := range required {
		if !m[f].Set() {
			errs = append(errs, fmt.Errorf("map.%s: missing", f))
		}
	}
	return errors.Join(errs...)
}

// rehearse fills every text and request in with a sample, so that a wrong
// field of the data is found before there is a ticket.
func (s *Spec) rehearse() error {
	var errs []error
	for event, byChannel := range s.Events {
		for channel, m := range byChannel {
			for lang := range m.Text {
				for _, full := range []bool{true, false} {
					if _, err := s.compose(Sample(event, lang, full, time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)), channel); err != nil {
						errs = append(errs, err)
						break
					}
				}
			}
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	errs = slices.CompactFunc(errs, func(a, b error) bool { return a.Error() == b.Error() })
	return errors.Join(errs...)
}

// ForTeam says whether a channel's messages are for the company's own people.
func (s *Spec) ForTeam(channel string) bool {
	g := s.Gateways[channel]
	return g != nil && g.To == toTeam
}

// Secrets lists what has to be there when the file is used.
func (s *Spec) Secrets() []restcall.Secret {
	var out []restcall.Secret
	for _, channel := range channels {
		if g := s.Gateways[channel]; g != nil {
			out = append(out, g.secrets()...)
		}
	}
	if s.Replies != nil {
		out = append(out, s.Replies.Secret)
	}
	if s.Codes != nil {
		out = append(out, s.Codes.Secret)
	}
	return out
}

// language is the one in which a caller is told something: the call's where
// there is a text in it, one that begins alike, or the file's.
func (s *Spec) language(m *Message, wanted string) string {
	if _, ok := m.Text[wanted]; ok {
		return wanted
	}
	base, _, _ := strings.Cut(wanted, "-")
	for _, lang := range languages {
		if _, ok := m.Text[lang]; ok && base != "" && strings.HasPrefix(lang, base+"-") {
			return lang
		}
	}
	return s.Language
}
