package bus

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate/tidegate/schemas"
)

// Refusal is durable work that breaks its schema, with what is known of whose
// it is. None of that is from its data, which is what cannot be believed: the
// call is from the envelope, when that keeps to its schema, and else from the
// id by which streams tell repeats.
type Refusal struct {
	Subject string
	Attempt int
	// MessageID is the message's id, as whoever asked gave it; may be empty.
	MessageID string
	// CallID is empty when it is not known, or when envelope and id differ.
	CallID string
	// Key is the idempotency key, where the id is one: CALL:WHAT:WHICH. Empty
	// when it is not known.
	Key string
	Err error
}

// Told is what came of a refusal.
type Told string

// What may come of a refusal.
const (
	ToldAsker   Told = "asker"   // whoever asked was told, now or before
	ToldUnknown Told = "unknown" // nothing is known of who asked
	ToldNobody  Told = "nobody"  // nobody waits for an answer to such work
)

// Malformed says that an error is about what a message holds, so that reading
// it again helps nothing.
func Malformed(err error) bool {
	for _, is := range []error{schemas.ErrTooLarge, schemas.ErrSyntax, schemas.ErrEnvelope, schemas.ErrUnknownType, schemas.ErrData} {
		if errors.Is(err, is) {
			return true
		}
	}
	return false
}

// Refusal is what is known of a message that was decoded and is of a type
// that its subject is not for.
func (m Message) Refusal(err error) Refusal {
	return refusalOf(m.Subject, m.Attempt, m.Envelope.ID, m.Envelope, err)
}

// refuse tells whoever asked, and then moves the message to the dead letters.
// When they cannot be told now, it stays and is tried again.
func (c *Consumer) refuse(m jetstream.Msg, attempt int, cause error) {
	told := ToldNobody
	if c.cfg.Refused != nil {
		e, _, _ := schemas.Decode(m.Data())
		if errors.Is(cause, schemas.ErrEnvelope) {
			e = schemas.Envelope{} // as far as it was read, not as far as it is right
		}
		var err error
		if told, err = c.cfg.Refused(c.ctx, refusalOf(m.Subject(), attempt, messageID(m.Headers()), e, cause)); err != nil {
			c.retry(m, attempt, fmt.Errorf("asker not told: %w", err))
			return
		}
	}
	if c.dead(m, attempt, cause) {
		c.bus.metrics.refused.WithLabelValues(string(told)).Inc()
	}
}

// messageID is the id that whoever asked gave: a message that is published
// again, from the dead letters or by another worker, has it in a header of
// its own.
func messageID(h nats.Header) string {
	id := h.Get(HeaderDeadID)
	if id == "" {
		id = h.Get(nats.MsgIdHdr)
	}
	id, _, _ = strings.Cut(id, replayMark)
	if strings.HasPrefix(id, leftMark) {
		return ""
	}
	return id
}

var (
	callPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	keyPattern  = regexp.MustCompile(`^([A-Za-z0-9_-]{1,64}):[a-z_]+:.`)
)

// maxKey is the longest idempotency key of the contract.
const maxKey = 200

func refusalOf(subject string, attempt int, id string, e schemas.Envelope, cause error) Refusal {
	r := Refusal{Subject: subject, Attempt: attempt, MessageID: id, Err: cause}
	switch {
	case e.ID == "":
	case id == "":
		r.MessageID = e.ID
	case id != e.ID:
		return r // two stories
	}
	named := ""
	if m := keyPattern.FindStringSubmatch(r.MessageID); m != nil && len(r.MessageID) <= maxKey {
		named = m[1]
	}
	switch {
	case e.CallID != "" && named != "" && named != e.CallID:
	case named != "":
		r.CallID, r.Key = named, r.MessageID
	case callPattern.MatchString(e.CallID):
		r.CallID = e.CallID
	}
	return r
}

// Answered says whether a fact that keep accepts is the newest of any of the
// subjects.
func (b *Bus) Answered(ctx context.Context, keep func(Message) bool, subjects ...string) (bool, error) {
	for _, subject := range subjects {
		m, ok, err := b.LastMessage(ctx, schemas.StreamFacts, subject)
		switch {
		case Malformed(err):
		case err != nil:
			return false, err
		case ok && keep(m):
			return true, nil
		}
	}
	return false, nil
}
