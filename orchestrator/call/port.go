package call

import (
	"context"
	"errors"
	"time"

	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/schemas"
)

// Switch is the call's channel on a telephone switch. Its methods return
// when the switch has taken the command, not when it is done; what comes of
// it are Events.
type Switch interface {
	Answer(ctx context.Context) error
	StartFork(ctx context.Context, f StartFork) error
	StopFork(ctx context.Context) error
	PlayFile(ctx context.Context, path string) error
	ConnectHuman(ctx context.Context, to Target, headers map[string]string, limit time.Duration) error
	HangUp(ctx context.Context, cause string) error
	// Events is closed after the channel's last event.
	Events() <-chan Event
	// Close gives control back to the switch's dialplan, if the call lives.
	Close()
}

// MediaLink reaches the bridge's session of the call; its events arrive at
// the session's inbox as MediaEvent.
type MediaLink interface {
	Send(ctx context.Context, data any) error
	Sync(ctx context.Context, afterSeq uint64) (schemas.MediaState, error)
}

// Desk is where orders are looked up and tickets opened. OpenTicket returns
// when the request is kept safely; kept is false when only this machine's
// disk has it, and no number can come during the call.
type Desk interface {
	FindOrders(ctx context.Context, callID string, req dialog.FindOrders) ([]dialog.Order, error)
	OpenTicket(ctx context.Context, req schemas.TicketOpen, again bool) (kept bool, err error)
}

// Recorder takes the facts of calls; it must not block.
type Recorder interface {
	Record(callID, event string, data any)
}

// ErrSuperseded: another orchestrator has written the call's snapshot since.
var ErrSuperseded = errors.New("call belongs to another orchestrator")

// Snapshots keeps the newest snapshot of one call. Save fails with
// ErrSuperseded when the call has a new owner.
type Snapshots interface {
	Save(ctx context.Context, snapshot []byte) error
	Forget(ctx context.Context) error
}

// Ports are the surroundings of a session.
type Ports struct {
	Switch    Switch
	Media     MediaLink
	Desk      Desk
	Recorder  Recorder
	Snapshots Snapshots
	// Adviser is nil where there is no language model.
	Adviser Adviser
}
