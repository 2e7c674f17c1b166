package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate/tidegate/schemas"
)

// Errors of dead letters.
var (
	// ErrNoDeadLetter: no letter has the number; it may have been replayed or
	// dropped, or be past the stream's age.
	ErrNoDeadLetter = errors.New("no such dead letter")
	// ErrNoDeadLetters: the server has no stream of dead letters.
	ErrNoDeadLetters = errors.New("this NATS server has no dead-letter stream: no service has run with it")
	// ErrNoOrigin: the letter does not say where it came from, so that there
	// is nowhere to replay it to.
	ErrNoOrigin = errors.New("dead letter without a subject of Tidegate to go back to")
)

// DeadLetter is a message that no worker could do, as it was when the last
// one gave it up.
type DeadLetter struct {
	// Sequence is the letter's number in the dead-letter stream; it names the
	// letter and is never used again.
	Sequence uint64
	Subject  string // where the message came on
	Consumer string // whose worker gave it up
	Error    string // what the last attempt failed with
	Attempts int
	DiedAt   time.Time
	// MessageID is the id by which streams told repeats of the message.
	MessageID string
	// Raw is the message, byte for byte. Envelope is empty when it is none.
	Raw      []byte
	Envelope schemas.Envelope
}

// DeadFilter narrows the dead letters; empty fields do not. Subject may hold
// the wildcards of NATS and names the subject that the message came on.
type DeadFilter struct {
	Subject  string
	Consumer string
	Since    time.Time
	Limit    int // 0: all
}

// EachDeadLetter gives the letters there are now, oldest first, to fn until
// it fails. fn may take them away.
func (b *Bus) EachDeadLetter(ctx context.Context, f DeadFilter, fn func(DeadLetter) error) error {
	s, err := b.deadStream(ctx)
	if err != nil {
		return err
	}
	last := s.CachedInfo().State.LastSeq // what dies meanwhile is not looked at
	cfg := jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy, InactiveThreshold: time.Minute}
	if f.Subject != "" {
		if !strings.HasPrefix(f.Subject, schemas.Prefix+".") {
			return fmt.Errorf("subject %q: %w", f.Subject, ErrNoOrigin)
		}
		cfg.FilterSubjects = []string{schemas.SubjectDead(f.Subject)}
	}
	if !f.Since.IsZero() {
		since := f.Since.UTC()
		cfg.DeliverPolicy, cfg.OptStartTime = jetstream.DeliverByStartTimePolicy, &since
	}
	c, err := s.OrderedConsumer(ctx, cfg)
	if err != nil {
		return fmt.Errorf("dead letters: %w", err)
	}
	info, err := c.Info(ctx)
	if err != nil {
		return fmt.Errorf("dead letters: %w", err)
	}
	if info.NumPending == 0 {
		return nil
	}
	letters, err := c.Messages()
	if err != nil {
		return fmt.Errorf("dead letters: %w", err)
	}
	defer letters.Stop()
	return readDead(ctx, &deadReading{consumer: c, letters: letters}, f, last, fn)
}

// deadReading is a reading of dead letters from which others may take letters
// that have not come yet.
type deadReading struct {
	consumer jetstream.Consumer
	letters  jetstream.MessagesContext
	last     *jetstream.MsgMetadata // of the letter that came last
}

// deadWait is how long a letter may take before the server is asked whether
// there is one.
const deadWait = time.Second

// next is the next letter, or nil when there is none any more: those that were
// promised may have been replayed or dropped by somebody else meanwhile.
func (r *deadReading) next(ctx context.Context) (m jetstream.Msg, err error) {
	for {
		wait, cancel := context.WithTimeout(ctx, deadWait)
		m, err = r.letters.Next(jetstream.NextContext(wait))
		cancel()
		if err == nil {
			r.last, err = m.Metadata()
			return m, err
		}
		if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return nil, err
		}
		// A consumer that cannot say is one that the client makes anew.
		if info, err := r.consumer.Info(ctx); err == nil && r.ended(info) {
			return nil, nil
		}
	}
}

// ended: the server has nothing more, and what it has sent has come.
func (r *deadReading) ended(info *jetstream.ConsumerInfo) bool {
	var came uint64
	if r.last != nil && r.last.Consumer == info.Name {
		came = r.last.Sequence.Consumer
	}
	return info.NumPending == 0 && info.Delivered.Consumer <= came
}

func readDead(ctx context.Context, letters *deadReading, f DeadFilter, last uint64, fn func(DeadLetter) error) error {
	for found := 0; f.Limit == 0 || found < f.Limit; {
		m, err := letters.next(ctx)
		if err != nil {
			return fmt.Errorf("dead letters: %w", err)
		}
		if m == nil {
			return nil
		}
		md := letters.last
		if md.Sequence.Stream > last {
			return nil
		}
		l := deadLetter(md.Sequence.Stream, md.Timestamp, m.Subject(), m.Headers(), m.Data())
		if f.Consumer == "" || f.Consumer == l.Consumer {
			if err := fn(l); err != nil {
				return err
			}
			found++
		}
		if md.NumPending == 0 || md.Sequence.Stream == last {
			return nil
		}
	}
	return nil
}

// DeadLetter reads one letter.
func (b *Bus) DeadLetter(ctx context.Context, sequence uint64) (DeadLetter, error) {
	s, err := b.deadStream(ctx)
	if err != nil {
		return DeadLetter{}, err
	}
	return oneDead(ctx, s, sequence)
}

func oneDead(ctx context.Context, s jetstream.Stream, sequence uint64) (DeadLetter, error) {
	m, err := s.GetMsg(ctx, sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return DeadLetter{}, fmt.Errorf("%d: %w", sequence, ErrNoDeadLetter)
	}
	if err != nil {
		return DeadLetter{}, fmt.Errorf("dead letter %d: %w", sequence, err)
	}
	return deadLetter(m.Sequence, m.Time, m.Subject, m.Header, m.Data), nil
}

// ReplayDeadLetter publishes a letter's message where it had come on, and
// takes the letter away when the stream there has it. The message goes out
// under an id of its own, since the stream may still remember the first one
// and would swallow it; replaying the letter again, after a failure between
// the two steps, uses the same id and is stored once. Whoever does the work
// tells repeats by the idempotency key inside.
func (b *Bus) ReplayDeadLetter(ctx context.Context, sequence uint64) (DeadLetter, error) {
	s, err := b.deadStream(ctx)
	if err != nil {
		return DeadLetter{}, err
	}
	l, err := oneDead(ctx, s, sequence)
	if err != nil {
		return l, err
	}
	if !strings.HasPrefix(l.Subject, schemas.Prefix+".") {
		return l, fmt.Errorf("%d: %w", sequence, ErrNoOrigin)
	}
	err = b.publishRaw(ctx, &nats.Msg{Subject: l.Subject, Data: l.Raw, Header: nats.Header{nats.MsgIdHdr: {l.replayID()}}})
	if err != nil {
		return l, fmt.Errorf("dead letter %d: %w", sequence, err)
	}
	b.metrics.deadReplayed.Inc()
	if err := removeDead(ctx, s, sequence); err != nil && !errors.Is(err, ErrNoDeadLetter) {
		return l, err
	}
	return l, nil
}

// DropDeadLetter takes a letter away for good, what it held overwritten.
func (b *Bus) DropDeadLetter(ctx context.Context, sequence uint64) error {
	s, err := b.deadStream(ctx)
	if err != nil {
		return err
	}
	if err := removeDead(ctx, s, sequence); err != nil {
		return err
	}
	b.metrics.deadDropped.Inc()
	return nil
}

// removeDead overwrites: letters hold what callers said and their numbers.
func removeDead(ctx context.Context, s jetstream.Stream, sequence uint64) error {
	err := s.SecureDeleteMsg(ctx, sequence)
	if err == nil {
		return nil
	}
	// The server has one code for every deletion that failed.
	if _, gone := oneDead(ctx, s, sequence); errors.Is(gone, ErrNoDeadLetter) {
		return gone
	}
	return fmt.Errorf("dead letter %d: %w", sequence, err)
}

// CountDeadLetters counts the letters that wait, for the gauge of them too.
func (b *Bus) CountDeadLetters(ctx context.Context) (uint64, error) {
	s, err := b.deadStream(ctx)
	if err != nil {
		return 0, err
	}
	n := s.CachedInfo().State.Msgs
	b.metrics.deadWaiting.Set(float64(n))
	return n, nil
}

func (b *Bus) deadStream(ctx context.Context) (jetstream.Stream, error) {
	ctx, cancel := b.limited(ctx)
	defer cancel()
	s, err := b.js.Stream(ctx, schemas.StreamDead)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, ErrNoDeadLetters
	}
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", schemas.StreamDead, err)
	}
	return s, nil
}

const replayMark = ".replay-"

// replayID is the message's first id, marked with the letter's number.
func (l DeadLetter) replayID() string {
	id, _, _ := strings.Cut(l.MessageID, replayMark) // it may have died before
	return id + replayMark + strconv.FormatUint(l.Sequence, 10)
}

func deadLetter(sequence uint64, at time.Time, subject string, h nats.Header, raw []byte) DeadLetter {
	l := DeadLetter{
		Sequence: sequence, Subject: h.Get(HeaderDeadSubject), Consumer: h.Get(HeaderDeadConsumer), Error: h.Get(HeaderDeadError),
		DiedAt: at.UTC(), MessageID: h.Get(HeaderDeadID), Raw: raw,
	}
	l.Attempts, _ = strconv.Atoi(h.Get(HeaderDeadAttempts))
	if rest, ok := strings.CutPrefix(subject, schemas.Prefix+".dead."); ok && l.Subject == "" {
		l.Subject = schemas.Prefix + "." + rest
	}
	// One that could not be decoded is shown as far as it can be.
	if e, _, err := schemas.Decode(raw); err == nil || e.ID != "" {
		l.Envelope = e
	}
	if l.MessageID == "" {
		l.MessageID = l.Envelope.ID
	}
	return l
}
