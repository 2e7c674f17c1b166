package caller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Record is what the API knows of a call.
type Record struct {
	ID           string            `json:"id"`
	Status       string            `json:"status"` // "in_progress" or "ended"
	Called       string            `json:"called"`
	StartedAt    time.Time         `json:"started_at"`
	Outcome      string            `json:"outcome"`
	Reason       string            `json:"reason"`
	Intent       string            `json:"intent"`
	TicketNumber string            `json:"ticket_number"`
	Slots        map[string]string `json:"slots"`
	Turns        []RecordTurn      `json:"turns"`
	Handoffs     []Handoff         `json:"handoffs"`
	Tickets      []Ticket          `json:"tickets"` // as the list of tickets has them
}

// RecordTurn is one turn of either side.
type RecordTurn struct {
	Index       int    `json:"index"`
	Role        string `json:"role"` // "caller" or "agent"
	Text        string `json:"text"`
	Input       string `json:"input"`
	Intent      string `json:"intent"`
	Interrupted bool   `json:"interrupted"`
	LatencyMS   int64  `json:"latency_ms"`
}

// Handoff is one connection to people.
type Handoff struct {
	Kind   string `json:"kind"`
	Target string `json:"target"`
	Reason string `json:"reason"`
}

// Ticket is one ticket of the call.
type Ticket struct {
	ID          string `json:"id"`
	Number      string `json:"number"`
	Kind        string `json:"kind"`
	Group       string `json:"group"`
	OrderNumber string `json:"order_number"`
	Reason      string `json:"reason"`
	Received    *bool  `json:"received"` // nil: unknown
}

func (r Record) ticketNumber() string {
	if r.TicketNumber == "" && len(r.Tickets) > 0 {
		return r.Tickets[0].Number
	}
	return r.TicketNumber
}

// complete tells whether all that was announced has arrived: facts reach the
// records in any order.
func (r Record) complete() bool {
	if r.Status != "ended" {
		return false
	}
	for i, t := range r.Turns {
		if t.Index != i {
			return false
		}
	}
	return r.TicketNumber == "" || len(r.Tickets) > 0
}

// ErrRecords is wrapped when the API cannot be asked.
var ErrRecords = errors.New("records")

// errTransient marks what may be otherwise a moment later.
var errTransient = errors.New("not now")

const (
	recordPoll    = 200 * time.Millisecond
	recordSkew    = 2 * time.Second // between this machine's clock and the switch's
	maxRecordSize = 8 << 20
)

// api reads the records over HTTP.
type api struct {
	base, token string
	client      *http.Client
}

func newAPI(base, token string) (*api, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%w: API address %q is no http:// or https:// URL", ErrOptions, base)
	}
	return &api{
		base: strings.TrimSuffix(base, "/"), token: token,
		client: &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}, Timeout: 10 * time.Second},
	}, nil
}

func (a *api) close() { a.client.CloseIdleConnections() }

func (a *api) get(ctx context.Context, path string, query url.Values, dst any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	res, err := a.client.Do(req)
	if err != nil {
		var where *url.Error // its text would show the query, and in it the caller's number
		if errors.As(err, &where) {
			err = where.Err
		}
		return fmt.Errorf("%w: %s: %w", errTransient, path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxRecordSize))
	switch {
	case err != nil:
		return fmt.Errorf("%w: %s: %w", errTransient, path, err)
	case res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%w: %s: %s", errTransient, path, res.Status)
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %s", path, res.Status)
	}
	if err := json.Unmarshal(body, dst); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// find looks for the call of a caller that began next to a time.
func (a *api) find(ctx context.Context, caller, called string, began time.Time) (string, error) {
	var page struct {
		Calls []Record `json:"calls"`
	}
	query := url.Values{
		"caller": {caller}, "limit": {"50"},
		"since": {began.Add(-recordSkew).UTC().Format(time.RFC3339Nano)},
	}
	if err := a.get(ctx, "/api/v1/calls", query, &page); err != nil {
		return "", err
	}
	best := ""
	var distance time.Duration
	for _, c := range page.Calls {
		d := c.StartedAt.Sub(began).Abs()
		if c.Called == called && (best == "" || d < distance) {
			best, distance = c.ID, d
		}
	}
	return best, nil
}

// read gives a call with its tickets.
func (a *api) read(ctx context.Context, id string) (*Record, error) {
	r := &Record{}
	if err := a.get(ctx, "/api/v1/calls/"+url.PathEscape(id), nil, r); err != nil {
		return nil, err
	}
	var page struct {
		Tickets []Ticket `json:"tickets"`
	}
	if err := a.get(ctx, "/api/v1/tickets", url.Values{"call_id": {id}}, &page); err != nil {
		return nil, err
	}
	r.Tickets = page.Tickets
	return r, nil
}

// await polls until the call's record is complete and stays so, or ctx ends.
// It gives what there is then: nil when the call is not in the records. The
// error says why the API could not be asked at last.
func (a *api) await(ctx context.Context, caller, called string, began time.Time) (*Record, error) {
	var id string
	var last *Record
	var problem error
	ticker := time.NewTicker(recordPoll)
	defer ticker.Stop()
	for settled := false; ; {
		var r *Record
		var err error
		if id == "" {
			id, err = a.find(ctx, caller, called, began)
		}
		if id != "" && err == nil {
			r, err = a.read(ctx, id)
		}
		if ctx.Err() == nil { // else its error says less than the one before
			problem = err
		}
		switch {
		case ctx.Err() != nil:
		case err != nil && !errors.Is(err, errTransient):
			return last, fmt.Errorf("%w: %w", ErrRecords, err)
		case r != nil:
			same := last != nil && len(last.Turns) == len(r.Turns) && len(last.Tickets) == len(r.Tickets)
			if last = r; settled && same {
				return last, nil
			}
			settled = r.complete()
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			if problem != nil && last == nil {
				return nil, fmt.Errorf("%w: %w", ErrRecords, problem)
			}
			return last, nil
		}
	}
}
