package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A server that is stopped between noting an acknowledgement and taking the
// message out of its work queue keeps the message for good: the consumer
// counts it as done and never delivers it again. Whether it was done nobody can
// tell then, so it is published again, which handlers bear, and taken out.

// recheckPause is between looks for such messages, unless the consumer says
// otherwise. One is only believed at the second look: the server takes
// messages out a moment after their acknowledgement.
const recheckPause = 10 * time.Second

// leftoverBatch is how many are published again at one look.
const leftoverBatch = 100

// leftMark begins the ids under which they are.
const leftMark = "left:"

// recheck looks for messages that were left over, until the consumer ends.
func (c *Consumer) recheck() {
	tick := time.NewTicker(c.cfg.Recheck)
	defer tick.Stop()
	seen := map[uint64]bool{}
	for {
		select {
		case <-c.ending:
			return
		case <-c.bus.closed:
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(c.ctx, apiLimit)
		found, err := c.leftovers(ctx)
		for _, m := range found {
			if err == nil && seen[m.Sequence] {
				err = c.again(ctx, m)
			}
		}
		cancel()
		if err != nil {
			c.bus.log.Debug("work queue could not be looked through", "consumer", c.cfg.Durable, "error", err)
			continue
		}
		clear(seen)
		for _, m := range found {
			seen[m.Sequence] = true
		}
	}
}

// leftovers are messages that the stream holds and the consumer is done with.
func (c *Consumer) leftovers(ctx context.Context) ([]*jetstream.RawStreamMsg, error) {
	stream, err := c.bus.js.Stream(ctx, c.cfg.Stream)
	if err != nil {
		return nil, err
	}
	info := stream.CachedInfo()
	if info.Config.Retention != jetstream.WorkQueuePolicy || info.State.Msgs == 0 {
		return nil, nil
	}
	consumer, err := stream.Consumer(ctx, c.cfg.Durable)
	if err != nil {
		return nil, err
	}
	done := consumer.CachedInfo().AckFloor.Stream
	var out []*jetstream.RawStreamMsg
	for _, subject := range c.cfg.FilterSubjects {
		for seq := info.State.FirstSeq; seq <= done && len(out) < leftoverBatch; {
			m, err := stream.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(subject))
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				break
			}
			if err != nil {
				return nil, err
			}
			if m.Sequence <= done {
				out = append(out, m)
			}
			seq = m.Sequence + 1
		}
	}
	return out, nil
}

func (c *Consumer) again(ctx context.Context, m *jetstream.RawStreamMsg) error {
	repeat := &nats.Msg{Subject: m.Subject, Data: m.Data, Header: nats.Header{}}
	// The same for every worker that finds it.
	repeat.Header.Set(nats.MsgIdHdr, fmt.Sprintf(leftMark+"%s:%d:%d", c.cfg.Stream, m.Sequence, m.Time.UnixNano()))
	if id := messageID(m.Header); id != "" {
		repeat.Header.Set(HeaderDeadID, id) // whoever asked is known by it
	}
	if err := c.bus.publishRaw(ctx, repeat); err != nil {
		return err
	}
	stream, err := c.bus.js.Stream(ctx, c.cfg.Stream)
	if err != nil {
		return err
	}
	if err := stream.DeleteMsg(ctx, m.Sequence); err != nil && !errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return err
	}
	c.bus.metrics.leftover.Inc()
	c.bus.log.Warn("work that a restarted server kept and counted as done was given out again", "consumer", c.cfg.Durable, "subject", m.Subject)
	return nil
}
