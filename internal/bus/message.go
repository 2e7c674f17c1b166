package bus

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/tidegate/tidegate/schemas"
)

// Message is one decoded message. Data points to the schemas type that the
// envelope names.
type Message struct {
	Subject  string
	Envelope schemas.Envelope
	Data     any
	// Attempt counts deliveries of durable messages from 1; 0 otherwise.
	Attempt int

	bus     *Bus
	respond func(header nats.Header, raw []byte) error
}

// ErrNoReply: the sender does not wait for an answer.
var ErrNoReply = errors.New("message has no reply address")

// Respond answers a request.
func (m Message) Respond(data any, opts ...schemas.Option) error {
	if m.respond == nil {
		return ErrNoReply
	}
	_, raw, err := m.bus.encode(data, opts)
	if err != nil {
		return err
	}
	return m.respond(nil, raw)
}

// RespondError answers a request with an error; the asker gets a
// *RemoteError. Text must not hold anything private.
func (m Message) RespondError(code int, text string) error {
	if m.respond == nil {
		return ErrNoReply
	}
	return m.respond(nats.Header{
		micro.ErrorCodeHeader: {strconv.Itoa(code)}, micro.ErrorHeader: {text},
	}, nil)
}

func remoteError(h nats.Header) *RemoteError {
	code := h.Get(micro.ErrorCodeHeader)
	if code == "" {
		return nil
	}
	n, err := strconv.Atoi(code)
	if err != nil {
		n = 500
	}
	return &RemoteError{Code: n, Text: h.Get(micro.ErrorHeader)}
}

func marshalEnvelope(e schemas.Envelope) ([]byte, error) {
	raw, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	if len(raw) > schemas.MaxMessageBytes {
		return nil, fmt.Errorf("%s: %w", e.Type, schemas.ErrTooLarge)
	}
	return raw, nil
}

// decode checks a message; one that is malformed is counted and logged
// without anything it holds.
func (b *Bus) decode(subject string, raw []byte) (Message, error) {
	e, data, err := schemas.Decode(raw)
	if err != nil {
		b.metrics.malformed.WithLabelValues(malformedReason(err)).Inc()
		b.log.Warn("message refused", "subject", subject, "error", err)
		return Message{}, err
	}
	return Message{Subject: subject, Envelope: e, Data: data, bus: b}, nil
}

func malformedReason(err error) string {
	switch {
	case errors.Is(err, schemas.ErrTooLarge):
		return "too_large"
	case errors.Is(err, schemas.ErrSyntax):
		return "syntax"
	case errors.Is(err, schemas.ErrUnknownType):
		return "unknown_type"
	case errors.Is(err, schemas.ErrEnvelope):
		return "envelope"
	default:
		return "data"
	}
}

// Subscription is a core subscription.
type Subscription struct {
	sub   *nats.Subscription
	inbox *Inbox // nil: it has a goroutine of its own
}

// Unsubscribe ends it; messages already queued are dropped.
func (s *Subscription) Unsubscribe() error {
	err := s.sub.Unsubscribe()
	if s.inbox != nil {
		s.inbox.forget(s.sub)
	}
	if errors.Is(err, nats.ErrBadSubscription) || errors.Is(err, nats.ErrConnectionClosed) {
		return nil
	}
	return err
}

// Drain ends it after the messages already queued were handled.
func (s *Subscription) Drain() error { return s.sub.Drain() }

// Subscribe calls h for each message on subject, one after the other, on the
// subscription's own goroutine. With a queue name, each message goes to one
// member of the queue. What is malformed never reaches h; when it was a
// request, its sender is answered with code 400.
func (b *Bus) Subscribe(subject, queue string, h func(Message)) (*Subscription, error) {
	sub, err := b.nc.QueueSubscribe(subject, queue, func(m *nats.Msg) { b.deliver(m, h) })
	if err != nil {
		return nil, fmt.Errorf("subscribe %s: %w", subject, err)
	}
	return &Subscription{sub: sub}, nil
}

// deliver hands a core message to h.
func (b *Bus) deliver(m *nats.Msg, h func(Message)) {
	b.metrics.received.WithLabelValues("core").Inc()
	msg, err := b.decode(m.Subject, m.Data)
	if m.Reply != "" {
		msg.bus = b
		msg.respond = func(header nats.Header, raw []byte) error {
			return m.RespondMsg(&nats.Msg{Header: header, Data: raw})
		}
	}
	if err != nil {
		if m.Reply != "" {
			_ = msg.RespondError(400, err.Error())
		}
		return
	}
	h(msg)
}
