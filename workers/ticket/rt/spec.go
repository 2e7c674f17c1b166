// Package rt connects Request Tracker 5 over REST2, its HTTP interface, and
// needs nothing set up in RT but queues and a user with a token who may create,
// see, change and comment on tickets there.
//
// A copy knows its ticket by a link (RefersTo) to urn:tidegate:ticket:KEY, by
// which it is found again.
package rt

import (
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/ticket"
)

// Connector is this connector's name in files.
const Connector = "rt"

//go:embed calls.yaml
var callsFile []byte

// Spec is a file.
type Spec struct {
	Connector         string `yaml:"connector"`
	restcall.Endpoint `yaml:",inline"`
	// Queue takes the tickets of groups that Queues does not name.
	Queue    string            `yaml:"queue"`
	Queues   map[string]string `yaml:"queues"`
	Statuses map[string]string `yaml:"statuses"` // RT's words for ours
	// Priorities are RT's numbers for our priorities; RT is told of no other.
	Priorities map[string]int `yaml:"priorities"`
	// Moves are our statuses for RT's words: a ticket follows its copy there.
	Moves map[string]string `yaml:"moves"`
	// Subject and Content are what people read.
	Subject restcall.Text `yaml:"subject"`
	Content restcall.Text `yaml:"content"`
	// Requestor is an address that RT writes to about the ticket; empty for
	// nobody.
	Requestor restcall.Text `yaml:"requestor"`
}

const (
	defaultSubject = `[{{ .ticket.number }}] {{ .ticket.kind }} {{ .ticket.order_number }}`
	defaultContent = `Ticket {{ .ticket.number }}, opened on the telephone
Request: {{ .ticket.kind }}{{ if .ticket.reason }} ({{ .ticket.reason }}){{ end }}
Order: {{ .ticket.order_number | default "-" }}{{ if .ticket.order_line }}, line {{ .ticket.order_line }}{{ end }}{{ if not .ticket.order_verified }} (not verified){{ end }}
Contact: {{ .ticket.contact | default "-" }}
{{- if .ticket.reason_text }}
In their words: {{ .ticket.reason_text }}{{ end }}
{{- with .ticket.pickup }}
Pick-up: {{ .from }} to {{ .until }}, {{ .address | default "address to be settled" }}{{ end }}
{{- if .ticket.summary }}

{{ .ticket.summary }}{{ end }}
{{- if .ticket.transcript_url }}

{{ .ticket.transcript_url }}{{ end }}
`
)

// queueName keeps out what would end a string of TicketSQL or a line.
var queueName = regexp.MustCompile(`^[^'"\\[:cntrl:]]{1,100}$`)

// Parse reads a file strictly. Every mistake is told, with its line.
func Parse(file string, b []byte) (*Spec, error) {
	s := new(Spec)
	if err := restcall.Decode(file, b, s); err != nil {
		return nil, err
	}
	for text, fallback := range map[*restcall.Text]string{&s.Subject: defaultSubject, &s.Content: defaultContent} {
		if text.Source == "" {
			var err error
			if *text, err = restcall.NewText(fallback); err != nil {
				return nil, err
			}
		}
	}
	return s, restcall.Mistakes(file, b, s.validate())
}

func (s *Spec) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if s.Connector != Connector {
		bad("connector: wants %s", Connector)
	}
	errs = append(errs, s.Endpoint.Validate(), ticket.CheckMoves(s.Moves))
	if s.Endpoint.Auth.Header == nil && s.Endpoint.Auth.Basic == nil {
		bad("auth: missing; RT wants header {name: Authorization, prefix: \"token \", value: ...} or basic")
	}
	if s.Sign != nil {
		bad("sign: RT checks no signatures")
	}
	if !queueName.MatchString(s.Queue) {
		bad("queue: missing, or no name of a queue")
	}
	for group, q := range s.Queues {
		if !queueName.MatchString(q) {
			bad("queues.%s: is no name of a queue", group)
		}
	}
	for ours, n := range s.Priorities {
		if !slices.Contains(schemas.Priorities(), schemas.Priority(ours)) {
			bad("priorities.%s: is no priority of ours", ours)
		}
		if n < 0 || n > maxPriority {
			bad("priorities.%s: %d is not in 0..%d", ours, n, maxPriority)
		}
	}
	if _, err := s.told(sampleTicket()); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// maxPriority is more than RT's own people use: it counts to 100.
const maxPriority = 1000

// priority is RT's number for a priority of ours, or nothing.
func (s *Spec) priority(ours string) string {
	if n, ok := s.Priorities[ours]; ok {
		return strconv.Itoa(n)
	}
	return ""
}

// queueOf is where a group's tickets go.
func (s *Spec) queueOf(group string) string {
	if q, ok := s.Queues[group]; ok {
		return q
	}
	return s.Queue
}

// allQueues lists every queue that copies may be in.
func (s *Spec) allQueues() []string {
	out := []string{s.Queue}
	for _, q := range s.Queues {
		out = append(out, q)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Secrets lists what has to be there when the connection is used.
func (s *Spec) Secrets() []restcall.Secret { return s.Endpoint.Secrets() }
