package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"text/tabwriter"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/obs"
)

// deadPrinter shows dead letters to an operator.
type deadPrinter struct {
	w      io.Writer
	reveal bool
}

// deadView is a letter as JSON.
type deadView struct {
	Number    uint64    `json:"number"`
	DiedAt    time.Time `json:"died_at"`
	Subject   string    `json:"subject"`
	Consumer  string    `json:"consumer"`
	Attempts  int       `json:"attempts"`
	Error     string    `json:"error"`
	MessageID string    `json:"message_id"`
	Type      string    `json:"type,omitempty"`
	CallID    string    `json:"call_id,omitempty"`
	// Message is the whole message: its envelope with the data in it, or a
	// text when it is no JSON.
	Message any `json:"message"`
}

func (p deadPrinter) view(l bus.DeadLetter) deadView {
	return deadView{
		Number: l.Sequence, DiedAt: l.DiedAt, Subject: line(l.Subject), Consumer: line(l.Consumer), Attempts: l.Attempts,
		Error: p.cause(l.Error), MessageID: line(l.MessageID), Type: line(l.Envelope.Type), CallID: line(l.Envelope.CallID),
		Message: p.message(l.Raw),
	}
}

func listDead(ctx context.Context, b *bus.Bus, f bus.DeadFilter, p deadPrinter, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(p.w)
		enc.SetEscapeHTML(false)
		return b.EachDeadLetter(ctx, f, func(l bus.DeadLetter) error { return enc.Encode(p.view(l)) })
	}
	tw := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	n := 0
	err := b.EachDeadLetter(ctx, f, func(l bus.DeadLetter) error {
		if n++; n == 1 {
			fmt.Fprintln(tw, "NUMBER\tDIED\tCONSUMER\tATTEMPTS\tSUBJECT\tCALL\tERROR")
		}
		v := p.view(l)
		_, err := fmt.Fprintf(tw, "%d\t%s\t%s\t%d\t%s\t%s\t%s\n", v.Number, v.DiedAt.Format(time.RFC3339), v.Consumer, v.Attempts,
			v.Subject, dash(v.CallID), short(v.Error, 80))
		return err
	})
	if err != nil {
		return err
	}
	if n == 0 {
		fmt.Fprintln(p.w, "no dead letters")
		return nil
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if n == f.Limit {
		fmt.Fprintf(p.w, "--limit %d reached; there may be more\n", n)
	}
	return nil
}

// whole shows everything of one letter.
func (p deadPrinter) whole(l bus.DeadLetter) error {
	v := p.view(l)
	for _, f := range []struct{ name, value string }{
		{"number", fmt.Sprint(v.Number)}, {"died at", v.DiedAt.Format(time.RFC3339Nano)}, {"subject", v.Subject},
		{"consumer", v.Consumer}, {"attempts", fmt.Sprint(v.Attempts)}, {"error", v.Error}, {"message id", v.MessageID},
		{"type", v.Type}, {"call", v.CallID},
	} {
		fmt.Fprintf(p.w, "%-11s %s\n", f.name, dash(f.value))
	}
	fmt.Fprintln(p.w, "message:")
	return printJSON(p.w, v.Message)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func short(s string, limit int) string {
	r := []rune(s)
	if len(r) <= limit {
		return s
	}
	return string(r[:limit-1]) + "…"
}

// message gives the message as JSON, masked.
func (p deadPrinter) message(raw []byte) any {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil || dec.More() {
		if p.reveal {
			return string(raw)
		}
		return fmt.Sprintf("[%d bytes that are no JSON]", len(raw))
	}
	return p.masked("", v)
}

// plain are the fields whose texts are shown: names of things and codes,
// nothing that a caller said or is reached by. Every other text is masked,
// so that a field nobody has thought of is not shown by mistake.
var plain = map[string]bool{
	"specversion": true, "id": true, "source": true, "type": true, "subject": true, "time": true, "datacontenttype": true,
	"dataschema": true, "callid": true, "tenant": true, "traceparent": true,
	"call_id": true, "idempotency_key": true, "kind": true, "order_number": true, "order_line": true, "reason": true, "group": true,
	"code": true, "status": true, "number": true, "ticket_id": true, "priority": true, "carrier": true,
}

// phones are fields of telephone numbers, which are told apart by their
// ends.
var phones = map[string]bool{"contact": true, "phone": true, "caller": true, "called": true, "to": true}

func (p deadPrinter) masked(field string, v any) any {
	if p.reveal {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, inner := range v {
			out[k] = p.masked(k, inner)
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, inner := range v {
			out = append(out, p.masked(field, inner))
		}
		return out
	case json.Number:
		if len(v) >= telephoneDigits {
			return obs.Phone(v).String()
		}
	case string:
		switch {
		case v == "" || plain[field] || isTime(v):
			return v
		case phones[field]:
			return obs.Phone(v).String()
		}
		return obs.Text(v).String()
	}
	return v
}

func isTime(s string) bool {
	_, err := time.Parse(time.RFC3339, s)
	return err == nil
}

// telephoneDigits: shorter runs of digits are codes and counts.
const telephoneDigits = 7

var digitRun = regexp.MustCompile(`\+?[0-9]{7,}`)

// cause is what the work failed with; a driver or a system outside may have
// quoted a number there.
func (p deadPrinter) cause(s string) string {
	if s = line(s); p.reveal {
		return s
	}
	return digitRun.ReplaceAllStringFunc(s, func(d string) string { return obs.Phone(d).String() })
}
