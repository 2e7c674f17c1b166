package orchestrator

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/orchestrator/call"
	"github.com/tidegate/tidegate/schemas"
)

// syncLimit is how long a bridge may take to tell its state. It answers from
// memory; a longer silence means that it is gone.
const syncLimit = 800 * time.Millisecond

// mediaLink reaches the bridge over NATS, or, while NATS is away, through the
// switch: as text on the fork's own websocket. Events come either way, and
// their sequence numbers make one of both.
type mediaLink struct {
	callID string
	bus    *bus.Bus
	ch     *channel
	log    *slog.Logger
	post   func(call.Event) bool
	states chan schemas.MediaState
}

// onMessage takes an event from NATS.
func (l *mediaLink) onMessage(m bus.Message) { l.deliver(m.Data) }

// onSide takes an event that came through the switch.
func (l *mediaLink) onSide(raw []byte) {
	var side schemas.SideMessage
	if err := schemas.DecodeStrict(schemas.SchemaSide, raw, &side); err != nil {
		l.log.Warn("message through the switch refused", "error", err)
		return
	}
	b, err := base64.StdEncoding.DecodeString(side.Envelope)
	if err != nil {
		l.log.Warn("message through the switch refused", "error", err)
		return
	}
	e, data, err := schemas.Decode(b)
	if err != nil || e.CallID != l.callID {
		l.log.Warn("message through the switch refused", "error", err)
		return
	}
	l.deliver(data)
}

func (l *mediaLink) deliver(data any) {
	if st, ok := data.(*schemas.MediaState); ok {
		select {
		case l.states <- *st:
		default:
		}
		return
	}
	l.post(call.MediaEvent{Data: data})
}

// Send implements call.MediaLink.
func (l *mediaLink) Send(ctx context.Context, data any) error {
	if l.bus.Connected() {
		return l.bus.Publish(schemas.SubjectMediaCommand(l.callID), data, schemas.ForCall(l.callID))
	}
	return l.sendSide(ctx, data)
}

func (l *mediaLink) sendSide(ctx context.Context, data any) error {
	raw, err := schemas.Encode(l.bus.Source(), time.Now(), data, schemas.ForCall(l.callID))
	if err != nil {
		return err
	}
	b, err := json.Marshal(schemas.SideMessage{Type: "tidegate", Envelope: base64.StdEncoding.EncodeToString(raw)})
	if err != nil {
		return err
	}
	return l.ch.sendText(ctx, b)
}

// Sync implements call.MediaLink.
func (l *mediaLink) Sync(ctx context.Context, afterSeq uint64) (schemas.MediaState, error) {
	ctx, cancel := context.WithTimeout(ctx, syncLimit)
	defer cancel()
	ask := schemas.MediaSync{CallID: l.callID, AfterSeq: afterSeq}
	if l.bus.Connected() {
		m, err := l.bus.Request(ctx, schemas.SubjectMediaCommand(l.callID), ask, schemas.ForCall(l.callID))
		if err != nil {
			return schemas.MediaState{}, err
		}
		if st, ok := m.Data.(*schemas.MediaState); ok {
			return *st, nil
		}
		return schemas.MediaState{}, schemas.ErrUnknownType
	}
	if err := l.sendSide(ctx, ask); err != nil {
		return schemas.MediaState{}, err
	}
	select {
	case st := <-l.states:
		return st, nil
	case <-ctx.Done():
		return schemas.MediaState{}, ctx.Err()
	}
}
