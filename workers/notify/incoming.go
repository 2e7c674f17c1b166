package notify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"

	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// maxIncomingBytes bounds a message of a gateway or a shop.
const maxIncomingBytes = 256 << 10

func (s *Service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/notify/{tenant}/replies", func(w http.ResponseWriter, r *http.Request) {
		s.receive(w, r, func(t *tenant) *intake {
			if in := t.Spec.Replies; in != nil {
				return &intake{in.Secret, in.Items, in.Map, s.reply}
			}
			return nil
		})
	})
	mux.HandleFunc("POST /v1/notify/{tenant}/pickup-codes", func(w http.ResponseWriter, r *http.Request) {
		s.receive(w, r, func(t *tenant) *intake {
			if in := t.Spec.Codes; in != nil {
				return &intake{in.Secret, in.Items, in.Map, s.code}
			}
			return nil
		})
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		notFound(w, "Replies go to POST /v1/notify/TENANT/replies, pick-up codes to POST /v1/notify/TENANT/pickup-codes.")
	})
	return mux
}

func notFound(w http.ResponseWriter, detail string) {
	(&restcall.Refusal{Status: http.StatusNotFound, Kind: "not-found", Detail: detail}).Write(w)
}

// intake is one kind of message that comes in.
type intake struct {
	secret restcall.Secret
	items  restcall.Expr
	fields map[string]restcall.Expr
	// take gives what became of an item. The error is a *restcall.Refusal, or
	// passes by itself.
	take func(ctx context.Context, t *tenant, from origin, v restcall.Values) (result string, err error)
}

// origin is where an item stood.
type origin struct {
	id string    // the message's and the item's place in it: the same for every repeat
	at time.Time // the signature's
}

// receive takes one message. Whoever sends it tries again unless the answer
// is 2xx, so that only what can never be used is refused. The items beside a
// refused one are kept: all of this may come twice, or never again.
func (s *Service) receive(w http.ResponseWriter, r *http.Request, kind func(*tenant) *intake) {
	t := s.tenants[schemas.TenantName(r.PathValue("tenant"))]
	if t == nil {
		notFound(w, "There is no such tenant.")
		return
	}
	in := kind(t)
	if in == nil {
		notFound(w, "This tenant's file takes no such messages.")
		return
	}
	results, err := s.read(w, r, t, in)
	var why *restcall.Refusal
	switch {
	case errors.As(err, &why):
		s.metrics.incoming.WithLabelValues(label(t.name), inRefused).Inc()
		s.log.Warn("a message was refused", "tenant", label(t.name), "problem", why.Kind, "field", why.Field)
		why.Write(w)
	case err != nil:
		s.metrics.incoming.WithLabelValues(label(t.name), inFailed).Inc()
		s.log.Warn("a message could not be taken", "tenant", label(t.name), "error", err)
		restcall.WriteUnavailable(w)
	default:
		w.Header().Set("Content-Type", "application/json")
		// Alibaba Cloud wants a numeric code in the answer
		// (https://help.aliyun.com/document_detail/101847.html).
		_ = json.NewEncoder(w).Encode(map[string]any{"code": 0, "results": results})
	}
}

func (s *Service) read(w http.ResponseWriter, r *http.Request, t *tenant, in *intake) (map[string]int, error) {
	body, err := restcall.ReadMessage(w, r, maxIncomingBytes)
	if err != nil {
		return nil, err
	}
	if err := (restcall.Signing{Secret: in.secret}).Verify(r.Header, body); err != nil {
		if errors.Is(err, restcall.ErrSignature) {
			return nil, restcall.BadSignature()
		}
		return nil, err
	}
	data, err := restcall.DecodeJSON(body)
	if err != nil {
		return nil, restcall.BadField("body", "is no JSON")
	}
	items := []any{data}
	if in.items.Set() {
		v, err := in.items.Search(data)
		list, ok := v.([]any)
		if err != nil || !ok {
			return nil, restcall.BadField("items", fmt.Sprintf("%q gives no list in %s", in.items.Source, restcall.MaskJSON(data, 200)))
		}
		items = list
	}
	// Both are in what was verified.
	seconds, err := strconv.ParseInt(r.Header.Get("Webhook-Timestamp"), 10, 64)
	if err != nil {
		return nil, restcall.BadSignature()
	}
	return s.takeAll(r.Context(), t, in, origin{r.Header.Get("Webhook-Id"), time.Unix(seconds, 0)}, items)
}

// takeAll takes every item that can be used. The error is the first refusal,
// once all were looked at, or what passes by itself, at once.
func (s *Service) takeAll(ctx context.Context, t *tenant, in *intake, from origin, items []any) (map[string]int, error) {
	results := map[string]int{}
	var refused error
	for i, item := range items {
		var result string
		v, err := restcall.Extract(in.fields, item)
		if err != nil {
			err = restcall.BadField("map", err.Error())
		} else {
			result, err = in.take(ctx, t, origin{fmt.Sprintf("%s#%d", from.id, i), from.at}, v)
		}
		var why *restcall.Refusal
		switch {
		case errors.As(err, &why):
			refused = cmp.Or(refused, err)
		case err != nil:
			return nil, err
		default:
			s.metrics.incoming.WithLabelValues(label(t.name), result).Inc()
			results[result]++
		}
	}
	return results, refused
}

// reply takes what a caller answered.
func (s *Service) reply(ctx context.Context, t *tenant, from origin, v restcall.Values) (string, error) {
	k, phone := kindOf(v.Text("phone"))
	if k == hidden {
		return "", restcall.BadField("phone", "is no telephone number")
	}
	text, in := plainReply(v.Text("text")), t.Spec.Replies
	is := func(w string) bool { return plainReply(w) == text }
	wish := store.OptReply{Tenant: t.name, EventID: from.id, Phone: phone, Out: slices.ContainsFunc(in.OptOut, is), At: from.at}
	if !wish.Out && !slices.ContainsFunc(in.OptIn, is) {
		return inOther, nil
	}
	if raw, ok := v["at"]; ok {
		switch at, err := restcall.ReadTime(raw); {
		case err == nil:
			wish.At = at
		case wish.Out:
			wish.At = s.now() // it counts, whatever its date
		default:
			return "", restcall.BadField("at", err.Error())
		}
	}
	outcome, err := s.records.ApplyOptReply(ctx, wish)
	switch {
	case err != nil:
		return "", err
	case outcome == store.OptRepeated:
		return inRepeated, nil
	case outcome == store.OptOlder:
		return inOlder, nil
	case wish.Out:
		s.log.Info("a caller wants to be told nothing more", "tenant", label(t.name))
		return inOptedOut, nil
	}
	return inOptedIn, nil
}

// plainReply is a reply as people mean it: without spaces and full stops, in
// capitals, of usual width.
func plainReply(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsPunct(r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, width.Fold.String(short(s, 200)))
}

// maxCode is what the contract lets a pick-up code hold.
const maxCode = 32

// code takes a pick-up code that became known.
func (s *Service) code(ctx context.Context, t *tenant, _ origin, v restcall.Values) (string, error) {
	code := strings.TrimSpace(v.Text("code"))
	if code == "" || len([]rune(code)) > maxCode || strings.ContainsFunc(code, unicode.IsControl) {
		return "", restcall.BadField("code", fmt.Sprintf("is empty, over %d characters, or holds control characters", maxCode))
	}
	ticketID, what, err := s.ofCode(ctx, t, v)
	if errors.Is(err, store.ErrNotFound) {
		return inUnknown, nil
	}
	if err != nil {
		return "", err
	}
	tk, err := s.records.Ticket(ctx, ticketID)
	if errors.Is(err, store.ErrNotFound) || err == nil && schemas.TenantName(tk.Tenant) != schemas.TenantName(t.name) {
		return inUnknown, nil
	}
	if err != nil {
		return "", err
	}
	what.At = s.now().UTC()
	_, err = s.planFor(ctx, t, tk, []happening{pickup(what, code)})
	return inCode, err
}

// ofCode finds the ticket of a code, by the return's number or the ticket's.
func (s *Service) ofCode(ctx context.Context, t *tenant, v restcall.Values) (ticketID string, what told, err error) {
	if number := v.Text("return"); number != "" {
		w, err := s.records.ReturnByNumber(ctx, t.name, number)
		if err == nil && w.TicketID == "" {
			err = store.ErrNotFound
		}
		if err == nil || !errors.Is(err, store.ErrNotFound) {
			return w.TicketID, told{ReturnNumber: w.Number, ReturnAddress: w.Address}, err
		}
	}
	if number := v.Text("ticket"); number != "" {
		tk, err := s.records.TicketByNumber(ctx, number)
		return tk.ID, told{}, err
	}
	if v.Text("return") == "" {
		return "", told{}, restcall.BadField("return", "is missing, and ticket too")
	}
	return "", told{}, store.ErrNotFound
}
