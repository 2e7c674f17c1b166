package schemas

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"
)

// MaxMessageBytes bounds an encoded envelope.
const MaxMessageBytes = 256 << 10

// Errors of Decode. They say what is wrong with a message, never what it
// holds.
var (
	ErrTooLarge    = errors.New("message over the size limit")
	ErrSyntax      = errors.New("message is not valid JSON")
	ErrEnvelope    = errors.New("envelope violates its schema")
	ErrUnknownType = errors.New("message type is unknown")
	ErrData        = errors.New("data violates its schema")
)

// Option sets an attribute of a new envelope.
type Option func(*Envelope)

// ForCall sets the call the message belongs to; it is the subject too.
func ForCall(callID string) Option {
	return func(e *Envelope) { e.CallID, e.Subject = callID, callID }
}

// ForTenant sets the tenant.
func ForTenant(tenant string) Option { return func(e *Envelope) { e.Tenant = tenant } }

// WithID sets the id, for messages that may be said twice and count once.
func WithID(id string) Option { return func(e *Envelope) { e.ID = id } }

// NewID makes an id that sorts by time (ULID).
func NewID(now time.Time) string {
	return ulid.MustNew(ulid.Timestamp(now), rand.Reader).String()
}

// Wrap puts data into an envelope from source. Data must be a registered
// message.
func Wrap(source string, now time.Time, data any, opts ...Option) (Envelope, error) {
	typ := TypeOf(data)
	if typ == "" {
		return Envelope{}, fmt.Errorf("%w: %T", ErrUnknownType, data)
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return Envelope{}, fmt.Errorf("encode %s: %w", typ, err)
	}
	e := Envelope{
		SpecVersion: SpecVersion, Source: source, Type: typ, Time: now.UTC(),
		DataContentType: "application/json", DataSchema: SchemaID(typ), Data: raw,
	}
	for _, o := range opts {
		o(&e)
	}
	if e.ID == "" {
		e.ID = NewID(now)
	}
	return e, nil
}

// Encode is Wrap and json.Marshal; a result over MaxMessageBytes is refused.
func Encode(source string, now time.Time, data any, opts ...Option) ([]byte, error) {
	e, err := Wrap(source, now, data, opts...)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	if len(b) > MaxMessageBytes {
		return nil, fmt.Errorf("%s: %w", e.Type, ErrTooLarge)
	}
	return b, nil
}

// Decode checks a message against the envelope's schema and its data against
// the schema its type names, and returns both; data is a pointer to the
// message's Go type. Unknown fields are ignored, so that newer senders can
// add some.
func Decode(b []byte) (Envelope, any, error) {
	var e Envelope
	if len(b) > MaxMessageBytes {
		return e, nil, ErrTooLarge
	}
	whole, err := parse(b, ErrEnvelope)
	if err != nil {
		return e, nil, err
	}
	if err := check(envelopeSchema, whole, ErrEnvelope); err != nil {
		return e, nil, err
	}
	if err := json.Unmarshal(b, &e); err != nil {
		return e, nil, fmt.Errorf("%w: %w", ErrEnvelope, err)
	}
	m, ok := Lookup(e.Type)
	if !ok {
		return e, nil, fmt.Errorf("%w: %.80q", ErrUnknownType, e.Type)
	}
	if content, ok := member(whole, "data"); ok {
		err = check(m.Type, content, ErrData) // parsed with the envelope
	} else {
		err = validate(m.Type, e.Data, ErrData)
	}
	if err != nil {
		return e, nil, fmt.Errorf("%s: %w", e.Type, err)
	}
	data := m.New()
	if err := json.Unmarshal(e.Data, data); err != nil {
		return e, nil, fmt.Errorf("%s: %w: %w", e.Type, ErrData, err)
	}
	return e, data, nil
}

// DecodeStrict reads JSON of a named schema that travels outside an envelope
// (fork metadata, speech messages) into v.
func DecodeStrict(name string, b []byte, v any) error {
	if len(b) > MaxMessageBytes {
		return ErrTooLarge
	}
	if err := validate(name, b, ErrData); err != nil {
		return err
	}
	return json.NewDecoder(bytes.NewReader(b)).Decode(v)
}
