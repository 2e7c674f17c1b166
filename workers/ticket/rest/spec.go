// Package rest connects a ticket system by a YAML file: what is sent for a
// ticket, where, and what the answers mean. docs/connect-your-tickets.md leads
// through one.
package rest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/workers/ticket"
)

// Connector is this connector's name in files.
const Connector = "rest"

// Spec is a file.
type Spec struct {
	Connector         string `yaml:"connector"`
	restcall.Endpoint `yaml:",inline"`
	// Statuses are the system's words for ours; what is not named is sent as
	// it is.
	Statuses map[string]string `yaml:"statuses"`
	// Moves are our statuses for the system's words: a ticket follows its copy
	// there. What is not named only stands in the record.
	Moves map[string]string `yaml:"moves"`
	// Idempotent says that the system takes a repeat of create for the first
	// (by the ticket's key, or by Standard Webhooks' webhook-id), so that it
	// need not be searched.
	Idempotent bool           `yaml:"idempotent"`
	Create     *restcall.Call `yaml:"create"`
	Find       *restcall.Call `yaml:"find"`
	Update     *restcall.Call `yaml:"update"`
	Comment    *restcall.Call `yaml:"comment"`
	Changes    *Changes       `yaml:"changes"`
	Ready      *restcall.Call `yaml:"ready"`
	Incoming   *Incoming      `yaml:"incoming"`
}

// Changes asks what people changed. The call's map gives "items", a list;
// each maps one of them.
type Changes struct {
	restcall.Call `yaml:",inline"`
	Each          map[string]restcall.Expr `yaml:"each"`
}

// Incoming reads what the system sends by itself.
type Incoming struct {
	Secret restcall.Secret          `yaml:"secret"`
	Items  restcall.Expr            `yaml:"items"` // a list in the message; without it the message is one change
	Map    map[string]restcall.Expr `yaml:"map"`
}

var (
	copyFields   = []string{"id", "url", "status"}
	changeFields = []string{"id", "external_id", "key", "status", "url", "at", "sequence"}
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

func (s *Spec) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if s.Connector != Connector {
		bad("connector: wants %s", Connector)
	}
	errs = append(errs, s.Endpoint.Validate(), ticket.CheckMoves(s.Moves))
	if s.Create == nil {
		bad("create: missing")
	}
	if s.Find == nil && !s.Idempotent {
		bad("find: missing; a ticket whose answer was lost has to be searched for, unless the system takes repeats for one (idempotent: true)")
	}
	var required []string
	if !s.Idempotent {
		required = []string{"id"}
	}
	errs = append(errs, s.Create.Validate("create", copyFields, required), s.Find.Validate("find", copyFields, []string{"id"}),
		s.Update.Validate("update", nil, nil), s.Comment.Validate("comment", nil, nil), s.Ready.Validate("ready", nil, nil))
	if c := s.Changes; c != nil {
		errs = append(errs, c.Call.Validate("changes", []string{"items"}, []string{"items"}), changeMap("changes.each", c.Each))
	}
	if in := s.Incoming; in != nil {
		if !in.Secret.Set() {
			bad("incoming.secret: missing; anybody could tell us of changes")
		}
		errs = append(errs, changeMap("incoming.map", in.Map))
	}
	if len(errs) == 0 || errors.Join(errs...) == nil {
		errs = append(errs, s.rehearse())
	}
	return errors.Join(errs...)
}

func changeMap(key string, m map[string]restcall.Expr) error {
	var errs []error
	known := map[string]bool{}
	for _, f := range changeFields {
		known[f] = true
	}
	for f := range m {
		if !known[f] {
			errs = append(errs, fmt.Errorf("%s.%s: there is no such field; there are %s", key, f, strings.Join(changeFields, ", ")))
		}
	}
	if !m["status"].Set() {
		errs = append(errs, fmt.Errorf("%s.status: missing", key))
	}
	if !m["external_id"].Set() && !m["key"].Set() {
		errs = append(errs, fmt.Errorf("%s.external_id: missing, and key too", key))
	}
	if !m["at"].Set() && !m["sequence"].Set() {
		errs = append(errs, fmt.Errorf("%s.at: missing, and sequence too; changes that come out of order could not be told apart", key))
	}
	return errors.Join(errs...)
}

// rehearse fills every request in with a sample, so that a wrong field of the
// data is found before there is a ticket.
func (s *Spec) rehearse() error {
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	in := input{
		Ticket: ticket.Sample(now), External: ticket.External{ID: "X-1", URL: "https://tickets.example/X-1", Status: "new", Key: "sample"},
		Change: ticket.Change{ID: "change-1", Status: "open", Group: "finance", Assignee: "wang", Priority: "high", Due: now, At: now},
		Remark: ticket.Comment{ID: "comment-1", Author: "wang", Text: "…", At: now}, Key: "sample", Since: now,
	}
	var errs []error
	for _, c := range s.calls() {
		for _, full := range []bool{true, false} {
			if !full { // with everything empty that may be
				in.Ticket.Pickup, in.Ticket.Received, in.Ticket.Summary, in.Ticket.ReasonText = nil, nil, "", ""
				in.Ticket.Due, in.Change.Due, in.Change.NoDue = time.Time{}, time.Time{}, true
			}
			data, err := in.data(s.theirs)
			if err == nil {
				err = c.call.Rehearse(c.key, data)
			}
			if err != nil {
				errs = append(errs, err)
				break
			}
		}
	}
	return errors.Join(errs...)
}

type named struct {
	key  string
	call *restcall.Call
}

func (s *Spec) calls() []named {
	all := []named{{"create", s.Create}, {"find", s.Find}, {"update", s.Update}, {"comment", s.Comment}, {"ready", s.Ready}}
	if s.Changes != nil {
		all = append(all, named{"changes", &s.Changes.Call})
	}
	var out []named
	for _, c := range all {
		if c.call != nil {
			out = append(out, c)
		}
	}
	return out
}

// Secrets lists what has to be there when the connection is used.
func (s *Spec) Secrets() []restcall.Secret {
	out := s.Endpoint.Secrets()
	if s.Incoming != nil {
		out = append(out, s.Incoming.Secret)
	}
	return out
}

// theirs is the system's word for a status of ours.
func (s *Spec) theirs(status string) string {
	if t, ok := s.Statuses[status]; ok {
		return t
	}
	return status
}

// input is what templates and expressions of requests see.
type input struct {
	Ticket   ticket.Ticket   `json:"ticket"`
	External ticket.External `json:"external"`
	Change   ticket.Change   `json:"change"`
	Remark   ticket.Comment  `json:"comment"`
	Key      string          `json:"key"`
	Since    time.Time       `json:"since"`
}

// data is the input as plain JSON values; times that are not set are empty.
func (in input) data(theirs func(status string) string) (any, error) {
	in.Ticket.Status, in.Change.Status = theirs(in.Ticket.Status), theirs(in.Change.Status)
	v, err := restcall.JSONData(in)
	if err != nil {
		return nil, err
	}
	noZeroTimes(v)
	return v, nil
}

func noZeroTimes(v any) {
	if m, ok := v.(map[string]any); ok {
		for k, e := range m {
			if e == "0001-01-01T00:00:00Z" {
				m[k] = ""
			}
			noZeroTimes(e)
		}
	}
}
