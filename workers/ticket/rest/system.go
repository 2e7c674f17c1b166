package rest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/workers/ticket"
)

// System is a ticket system that a file describes.
type System struct {
	spec   *Spec
	client *restcall.Client
	// Watch, when set, is shown each exchange, masked.
	Watch func(call string, e restcall.Exchange)
}

var (
	_ ticket.System   = (*System)(nil)
	_ ticket.Receiver = (*System)(nil)
)

// New makes the system of a parsed file. Secrets are read when they are used.
func New(spec *Spec) (*System, error) {
	client, err := restcall.NewClient(spec.Endpoint, nil)
	if err != nil {
		return nil, err
	}
	return &System{spec: spec, client: client}, nil
}

// Close ends idle connections.
func (s *System) Close() { s.client.Close() }

func (s *System) do(ctx context.Context, key string, call *restcall.Call, in input, opts ...restcall.Option) (restcall.Answer, error) {
	if call == nil {
		return restcall.Answer{}, ticket.ErrUnsupported
	}
	data, err := in.data(s.spec.theirs)
	if err != nil {
		return restcall.Answer{}, err
	}
	if s.Watch != nil {
		var e restcall.Exchange
		opts = append(opts, restcall.Show(&e))
		defer func() { s.Watch(key, e) }()
	}
	a, err := s.client.Do(ctx, key, call, data, opts...)
	return a, Classify(err)
}

var classes = restcall.Classes{
	Unavailable: store.ErrUnavailable, Denied: ticket.ErrDenied, Refused: store.ErrInvalid, Template: store.ErrInvalid, Garbled: ticket.ErrGarbled,
}

// sampleBytes is how much of an answer an error shows, masked.
const sampleBytes = 300

// Classify gives a restcall error the class of ticket systems.
func Classify(err error) error { return classes.Of(err) }

// Create sends the ticket. A system without ids of its own knows the copy by
// the ticket's key.
func (s *System) Create(ctx context.Context, t ticket.Ticket) (ticket.External, error) {
	var required []string
	if s.spec.Create.Map["id"].Set() {
		required = []string{"id"}
	}
	a, err := s.do(ctx, "create", s.spec.Create, input{Ticket: t, Key: t.Key}, restcall.WithID(t.Key), restcall.Require(required...))
	if err != nil {
		return ticket.External{}, err
	}
	e := external(a.Values, t.Key)
	if e.ID == "" {
		e.ID = t.Key
	}
	return e, nil
}

func external(v restcall.Values, key string) ticket.External {
	return ticket.External{ID: v.Text("id"), URL: v.Text("url"), Status: v.Text("status"), Key: key}
}

// Find searches for the copy, when the system can be searched.
func (s *System) Find(ctx context.Context, key string) (ticket.External, bool, error) {
	a, err := s.do(ctx, "find", s.spec.Find, input{Key: key}, restcall.WithID("find."+key))
	if err != nil || a.Missing {
		return ticket.External{}, false, err
	}
	switch a.Data.(type) {
	case map[string]any, []any:
	default: // taken for "there is none", it would make a second copy
		return ticket.External{}, false, fmt.Errorf("%w: find: neither an object nor a list", ticket.ErrGarbled)
	}
	e := external(a.Values, key)
	return e, e.ID != "", nil
}

// Update sends a change.
func (s *System) Update(ctx context.Context, e ticket.External, c ticket.Change) error {
	return s.tell(s.do(ctx, "update", s.spec.Update, input{External: e, Change: c, Key: e.Key}, restcall.WithID(c.ID)))
}

// Comment sends a comment.
func (s *System) Comment(ctx context.Context, e ticket.External, c ticket.Comment) error {
	return s.tell(s.do(ctx, "comment", s.spec.Comment, input{External: e, Remark: c, Key: e.Key}, restcall.WithID(c.ID)))
}

// tell: a copy that is no longer there takes no change, ever.
func (s *System) tell(a restcall.Answer, err error) error {
	if err == nil && a.Missing {
		return fmt.Errorf("%w: the copy is not there", store.ErrInvalid)
	}
	return err
}

// Ready makes the file's harmless call, if it has one.
func (s *System) Ready(ctx context.Context) error {
	_, err := s.do(ctx, "ready", s.spec.Ready, input{Since: time.Now().UTC()})
	if errors.Is(err, ticket.ErrUnsupported) {
		return nil
	}
	return err
}

// Changes asks for what was changed. An item that cannot be used does not
// keep from us those beside it.
func (s *System) Changes(ctx context.Context, since time.Time) (out []ticket.ExternalChange, refused []*ticket.FieldError, err error) {
	if s.spec.Changes == nil {
		return nil, nil, ticket.ErrUnsupported
	}
	a, err := s.do(ctx, "changes", &s.spec.Changes.Call, input{Since: since.UTC()}, restcall.Require("items"))
	if err != nil {
		return nil, nil, err
	}
	items, ok := a.Values["items"].([]any)
	if !ok {
		return nil, nil, fmt.Errorf("%w: changes: map.items: %q gives no list but %s", ticket.ErrGarbled, s.spec.Changes.Map["items"].Source, restcall.MaskJSON(a.Values["items"], sampleBytes))
	}
	for i, item := range items {
		c, err := readChange(s.spec.Changes.Each, item)
		if err != nil {
			refused = append(refused, atItem(err, i, len(items)))
			continue
		}
		out = append(out, s.moving(c.named()))
	}
	return out, refused, nil
}

// moving adds what a change means for our ticket.
func (s *System) moving(c ticket.ExternalChange) ticket.ExternalChange {
	c.Moves, c.Means = s.spec.Moves[c.Status], ticket.Meaning(c.Status, s.spec.theirs)
	return c
}

// Receive checks and reads a message that the system sent.
func (s *System) Receive(header http.Header, body []byte) (out []ticket.ExternalChange, refused []*ticket.FieldError, err error) {
	in := s.spec.Incoming
	if in == nil {
		return nil, nil, ticket.ErrUnsupported
	}
	if err := (restcall.Signing{Secret: in.Secret}).Verify(header, body); err != nil {
		if errors.Is(err, restcall.ErrSignature) {
			return nil, nil, fmt.Errorf("%w: %w", ticket.ErrSignature, err)
		}
		return nil, nil, err
	}
	data, err := restcall.DecodeJSON(body)
	if err != nil {
		return nil, nil, &ticket.FieldError{Field: "body", Detail: "is no JSON"}
	}
	items := []any{data}
	if in.Items.Set() {
		v, err := in.Items.Search(data)
		list, ok := v.([]any)
		if err != nil || !ok {
			return nil, nil, &ticket.FieldError{Field: "items", Detail: fmt.Sprintf("%q gives no list in %s", in.Items.Source, restcall.MaskJSON(data, sampleBytes))}
		}
		items = list
	}
	for i, item := range items {
		c, err := readChange(in.Map, item)
		if err != nil {
			refused = append(refused, atItem(err, i, len(items)))
			continue
		}
		if c.ID == "" {
			c.ID = "webhook:" + header.Get("Webhook-Id") // the same for every repeat
			if len(items) > 1 {
				c.ID = ""
			}
		}
		out = append(out, s.moving(c.named()))
	}
	if len(out) == 0 && len(refused) > 0 {
		return nil, nil, refused[0]
	}
	return out, refused, nil
}

// atItem says which of several it is.
func atItem(err error, i, n int) *ticket.FieldError {
	why := &ticket.FieldError{Field: "map", Detail: err.Error()}
	_ = errors.As(err, &why)
	if n > 1 {
		why.Detail = fmt.Sprintf("item %d: %s", i, why.Detail)
	}
	return why
}

// readChange maps one change. Errors are *ticket.FieldError.
func readChange(m map[string]restcall.Expr, item any) (change, error) {
	v, err := restcall.Extract(m, item)
	if err != nil {
		return change{}, &ticket.FieldError{Field: "map", Detail: err.Error()}
	}
	missing := func(field string) (change, error) {
		return change{}, &ticket.FieldError{Field: field, Detail: fmt.Sprintf("%q finds nothing in %s", m[field].Source, restcall.MaskJSON(item, sampleBytes))}
	}
	c := change{
		ID: v.Text("id"), ExternalID: v.Text("external_id"), Key: v.Text("key"), Status: v.Text("status"), URL: v.Text("url"),
	}
	if c.Status == "" {
		return missing("status")
	}
	if c.ExternalID == "" && c.Key == "" {
		return missing("external_id")
	}
	if raw, ok := v["sequence"]; ok {
		if c.Sequence, err = strconv.ParseInt(v.Text("sequence"), 10, 64); err != nil || c.Sequence < 1 {
			return change{}, &ticket.FieldError{Field: "sequence", Detail: fmt.Sprintf("is no whole number over 0 but %T", raw)}
		}
	}
	if raw, ok := v["at"]; ok {
		if c.At, err = restcall.ReadTime(raw); err != nil {
			return change{}, &ticket.FieldError{Field: "at", Detail: err.Error()}
		}
	} else if c.Sequence == 0 {
		return missing("at")
	}
	return c, nil
}

type change ticket.ExternalChange

// named gives a change without an id one made of what it says.
func (c change) named() ticket.ExternalChange {
	if c.ID == "" {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%d\x00%d", c.ExternalID, c.Key, c.Status, c.At.UnixMicro(), c.Sequence))
		c.ID = hex.EncodeToString(sum[:16])
	}
	return ticket.ExternalChange(c)
}
