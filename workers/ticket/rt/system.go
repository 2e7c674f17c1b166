package rt

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/workers/ticket"
	"github.com/tidegate/tidegate/workers/ticket/rest"
)

// calls are the requests of calls.yaml.
type calls struct {
	Create  *restcall.Call `yaml:"create"`
	Find    *restcall.Call `yaml:"find"`
	Changes *restcall.Call `yaml:"changes"`
	Read    *restcall.Call `yaml:"read"`
	Update  *restcall.Call `yaml:"update"`
	Comment *restcall.Call `yaml:"comment"`
	Ready   *restcall.Call `yaml:"ready"`
}

// System is one RT.
type System struct {
	spec   *Spec
	calls  calls
	client *restcall.Client
	// Watch, when set, is shown each exchange, masked.
	Watch func(call string, e restcall.Exchange)
}

var _ ticket.System = (*System)(nil)

// New makes the system of a parsed file. Secrets are read when they are used.
func New(spec *Spec) (*System, error) {
	s := &System{spec: spec}
	if err := restcall.Decode("calls.yaml", callsFile, &s.calls); err != nil {
		return nil, err
	}
	var err error
	s.client, err = restcall.NewClient(spec.Endpoint, nil)
	return s, err
}

// Close ends idle connections.
func (s *System) Close() { s.client.Close() }

func (s *System) do(ctx context.Context, key string, call *restcall.Call, data map[string]any, required ...string) (restcall.Answer, error) {
	opts := []restcall.Option{restcall.Require(required...)}
	if s.Watch != nil {
		var e restcall.Exchange
		opts = append(opts, restcall.Show(&e))
		defer func() { s.Watch(key, e) }()
	}
	a, err := s.client.Do(ctx, key, call, data, opts...)
	return a, rest.Classify(err)
}

func (s *System) theirs(status string) string {
	if t, ok := s.spec.Statuses[status]; ok {
		return t
	}
	if t, ok := defaultStatuses[status]; ok {
		return t
	}
	return status
}

// defaultStatuses are the words of the life cycle that RT has when it is
// installed; it has fewer than we.
var defaultStatuses = map[string]string{
	"assigned": "open", "in_progress": "open", "reopened": "open", "waiting_customer": "stalled", "waiting_approval": "stalled",
	"closed": "resolved", "cancelled": "rejected",
}

func sampleTicket() ticket.Ticket {
	return ticket.Sample(time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC))
}

func reference(key string) string { return "urn:tidegate:ticket:" + key }

// oneLine keeps a subject from having more than one.
var oneLine = regexp.MustCompile(`[[:cntrl:]]+`)

// told is what RT is told of a ticket.
func (s *Spec) told(t ticket.Ticket) (map[string]any, error) {
	v, err := restcall.JSONData(map[string]any{"ticket": t})
	if err != nil {
		return nil, err
	}
	out := map[string]any{"queue": s.queueOf(t.Group), "reference": reference(t.Key), "priority": s.priority(t.Priority), "due": dueText(t.Due)}
	for name, text := range map[string]restcall.Text{"subject": s.Subject, "content": s.Content, "requestor": s.Requestor} {
		if out[name], err = text.Render(v); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	subject, _ := out["subject"].(string)
	out["subject"] = oneLine.ReplaceAllString(subject, " ")
	return out, nil
}

// Create makes the copy.
func (s *System) Create(ctx context.Context, t ticket.Ticket) (ticket.External, error) {
	data, err := s.spec.told(t)
	if err != nil {
		return ticket.External{}, fmt.Errorf("%w: %w", store.ErrInvalid, err)
	}
	a, err := s.do(ctx, "create", s.calls.Create, data, "id")
	if err != nil {
		return ticket.External{}, err
	}
	return s.external(a.Values.Text("id"), "new", t.Key), nil
}

func (s *System) external(id, status, key string) ticket.External {
	return ticket.External{ID: id, Status: status, Key: key,
		URL: strings.TrimSuffix(s.spec.Base, "/") + "/Ticket/Display.html?id=" + url.QueryEscape(id)}
}

// keyPattern is what our keys look like: nothing that TicketSQL would read.
var keyPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Find gives the oldest copy that refers to the ticket.
func (s *System) Find(ctx context.Context, key string) (ticket.External, bool, error) {
	if !keyPattern.MatchString(key) {
		return ticket.External{}, false, nil
	}
	a, err := s.do(ctx, "find", s.calls.Find, map[string]any{"query": fmt.Sprintf("RefersTo = '%s'", reference(key))}, "items")
	if err != nil {
		return ticket.External{}, false, err
	}
	items, err := listed("find", a)
	if err != nil || len(items) == 0 {
		return ticket.External{}, false, err
	}
	return s.external(items[0].Text("id"), items[0].Text("Status"), key), true, nil
}

func listed(call string, a restcall.Answer) ([]restcall.Values, error) {
	items, ok := a.Values.List("items")
	if !ok {
		return nil, fmt.Errorf("%w: %s: items are no objects", ticket.ErrGarbled, call)
	}
	return items, nil
}

// dueText is a time in RT's words, empty for none.
func dueText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02 15:04:05")
}

// noDue is what RT keeps for a date that is not set.
const noDue = "1970-01-01 00:00:00"

// Update changes status, queue, owner, priority and due date. RT answers 200 with words also when
// it does not change the status, so that the status is read again.
func (s *System) Update(ctx context.Context, e ticket.External, c ticket.Change) error {
	data := map[string]any{"id": e.ID, "status": s.theirs(c.Status), "queue": "", "owner": c.Assignee, "priority": s.spec.priority(c.Priority), "due": dueText(c.Due)}
	if c.Unassigned {
		data["owner"] = "Nobody"
	}
	if c.Group != "" {
		data["queue"] = s.spec.queueOf(c.Group)
	}
	if c.NoDue {
		data["due"] = noDue
	}
	a, err := s.do(ctx, "update", s.calls.Update, data)
	if err == nil && a.Missing {
		return errGone
	}
	if err != nil || c.Status == "" {
		return err
	}
	if a, err = s.do(ctx, "read", s.calls.Read, data, "status"); err != nil {
		return err
	}
	if got := a.Values.Text("status"); got != data["status"] {
		return fmt.Errorf("%w: update: RT keeps status %.40q; its life cycle has no way to %.40q", store.ErrInvalid, got, data["status"])
	}
	return nil
}

var errGone = fmt.Errorf("%w: the copy is not there", store.ErrInvalid)

// Comment adds a comment, which RT shows to its users only.
func (s *System) Comment(ctx context.Context, e ticket.External, c ticket.Comment) error {
	text := c.Text
	if c.Author != "" {
		text = c.Author + ":\n" + text
	}
	a, err := s.do(ctx, "comment", s.calls.Comment, map[string]any{"id": e.ID, "content": text})
	if err == nil && a.Missing {
		return errGone
	}
	return err
}

// Ready asks for RT's version, which only users may.
func (s *System) Ready(ctx context.Context) error {
	_, err := s.do(ctx, "ready", s.calls.Ready, map[string]any{}, "version")
	return err
}
