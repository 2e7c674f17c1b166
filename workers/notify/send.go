package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// errDied is what a fault test makes of a worker that dies: nothing after it
// is done.
var errDied = errors.New("the worker died")

// attempt is one go at a notification.
type attempt struct {
	*Service
	tenant *tenant
	claim  store.NotifyClaim
	msg    *Composed
	begun  bool // a request was, or is about to be, made
}

// handle makes one attempt at the work for a notification.
func (s *Service) handle(ctx context.Context, t *tenant, m bus.Message) error {
	work, ok := m.Data.(*schemas.NotifySend)
	if !ok {
		return bus.Permanent(errors.New("data is no notify.send"))
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.SendTimeout)
	defer cancel()
	// Work that comes back from the dead letters means its notification.
	if err := s.notes.ReviveNotification(ctx, work.NotificationID); err != nil {
		return err
	}
	claim, err := s.notes.ClaimNotification(ctx, work.NotificationID, s.now().Add(s.cfg.AckWait))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil // it went with its ticket
	case errors.Is(err, store.ErrNotifyLater):
		return nil // the sweep brings it back
	case err != nil:
		return err
	}
	a := &attempt{Service: s, tenant: t, claim: claim}
	if claim.Notification.State.Ended() {
		a.counted(resultRepeated)
		return nil
	}
	if t.Spec.Events[claim.Notification.Event][claim.Notification.Channel] == nil || t.Spec.Gateways[claim.Notification.Channel] == nil {
		return a.end(store.NotifySkipped, resultGone, "nothing is said of it any more", "")
	}
	return a.make(ctx)
}

func (a *attempt) note() store.Notification { return a.claim.Notification }
func (a *attempt) gateway() *Gateway        { return a.tenant.Spec.Gateways[a.note().Channel] }
func (a *attempt) counted(result string)    { a.count(a.tenant, a.note().Channel, a.note().Event, result) }

// make does what has to be known before a request, and makes it.
func (a *attempt) make(ctx context.Context) error {
	n, g := a.note(), a.gateway()
	if skip := a.unreachable(); skip != "" {
		return a.end(store.NotifySkipped, skip, skip, "")
	}
	if a.claim.Lost && !g.repeats() {
		return a.unknown("a worker died while it was sent")
	}
	if a.now().Sub(n.CreatedAt) > a.cfg.GiveUp {
		return a.dead("it is too old", errTooOld)
	}
	if until, quiet := g.Quiet.Over(a.now()); quiet {
		return a.later("quiet hours", until)
	}
	if n.Attempts >= a.cfg.MaxAttempts {
		return a.dead("attempts spent: "+n.Reason, errSpent)
	}
	what, err := readTold(n.Data)
	if err == nil {
		a.msg, err = a.tenant.Compose(Occasion{
			Key: n.ID, Event: n.Event, Tenant: n.Tenant, Language: a.claim.Ticket.Language, Ticket: a.claim.Ticket, told: what,
		}, n.Channel)
	}
	if err != nil {
		return a.dead(err.Error(), err)
	}
	return a.request(ctx)
}

var (
	errTooOld = errors.New("the notification is too old to be sent")
	errSpent  = errors.New("the gateway could not be made to take it in the attempts allowed")
)

// unreachable says why whom it is for cannot be told over this channel; "" is
// that there is a way.
func (a *attempt) unreachable() string {
	if a.gateway().To == toTeam {
		return ""
	}
	k, _ := kindOf(a.claim.Ticket.Contact)
	switch {
	case k == hidden:
		return resultHidden
	case a.note().Channel == ChannelSMS && k != mobile:
		return map[kind]string{landline: resultLandline, foreign: resultForeign}[k]
	}
	return ""
}

// request notes that a request is about to be made, makes it, and notes what
// became of it: in this order, so that whatever happens in between, nobody
// takes for unsent what was sent.
func (a *attempt) request(ctx context.Context) error {
	var v Verdict
	start := time.Now()
	err := a.tenant.guards[a.note().Channel].Do(ctx, func(ctx context.Context) error {
		if err := a.notes.BeginNotification(ctx, a.claim, a.msg.Phone); err != nil {
			return &beginError{err}
		}
		a.begun = true
		if err := a.reached(PointBegun); err != nil {
			return &beginError{errDied}
		}
		v = a.tenant.Send(ctx, a.msg, nil)
		return v.err
	})
	if a.begun {
		a.metrics.seconds.WithLabelValues(label(a.tenant.name), a.note().Channel).Observe(time.Since(start).Seconds())
	}
	var begin *beginError
	if errors.As(err, &begin) {
		return a.notBegun(begin.err)
	}
	if err := a.reached(PointSent); err != nil {
		return errDied
	}
	return a.settle(guarded(v, err, a.begun))
}

// beginError is that the note before a request could not be made.
type beginError struct{ err error }

func (e *beginError) Error() string { return e.err.Error() }
func (e *beginError) Unwrap() error { return e.err }

func (a *attempt) notBegun(err error) error {
	switch {
	case errors.Is(err, errDied):
		return errDied
	case errors.Is(err, store.ErrOptedOut):
		return a.end(store.NotifySkipped, resultOptedOut, resultOptedOut, "")
	}
	// The note may have been made and its answer lost, but no request was.
	return errors.Join(err, a.release(!a.claim.Lost, err.Error(), time.Time{}))
}

// settle notes what became of a request.
func (a *attempt) settle(v Verdict) error {
	why := v.Reason
	if v.Code != "" {
		why = fmt.Sprintf("%s %s", v.Code, v.Reason)
	}
	switch v.fate {
	case fateAccepted:
		return a.sent(v)
	case fateRefused:
		return a.refused(why)
	case fateBroken:
		return a.dead(why, errors.New(why))
	case fateLater:
		if a.begun && a.note().Attempts+1 >= a.cfg.MaxAttempts {
			return a.dead(why, errSpent)
		}
		if v.RetryAfter > 0 {
			return a.later(why, a.now().Add(v.RetryAfter))
		}
		return a.again(why, !a.claim.Lost)
	}
	if !a.gateway().repeats() {
		return a.unknown(why)
	}
	if a.note().Attempts+1 >= a.cfg.MaxAttempts {
		return a.unknown(why) // not failed: it may have arrived
	}
	return a.again(why, false)
}

func (a *attempt) sent(v Verdict) error {
	n := a.note()
	if err := a.end(store.NotifySent, resultSent, "", v.ID); err != nil {
		return err
	}
	a.metrics.latency.WithLabelValues(label(a.tenant.name), n.Channel).Observe(max(0, a.now().Sub(n.CreatedAt).Seconds()))
	if n.Channel == ChannelSMS {
		segments, _ := Segments(a.msg.Text, true)
		a.metrics.segments.WithLabelValues(label(a.tenant.name)).Add(float64(segments))
	}
	a.log.Info("caller was told", "call_id", n.CallID, "tenant", label(a.tenant.name), "channel", n.Channel, "event", n.Event)
	return nil
}

func (a *attempt) refused(why string) error {
	if err := a.end(store.NotifyRefused, resultRefused, why, ""); err != nil {
		return err
	}
	return bus.Permanent(errors.New("the gateway refuses it: " + why))
}

// dead ends what cannot be sent; it can be replayed from the dead letters.
func (a *attempt) dead(why string, cause error) error {
	if a.claim.Lost {
		return a.unknown(why) // an earlier request may have arrived
	}
	if err := a.end(store.NotifyFailed, resultFailed, why, ""); err != nil {
		return err
	}
	return bus.Permanent(cause)
}

// unknown ends what may have arrived. It is no dead letter: replayed, it might
// come twice.
func (a *attempt) unknown(why string) error {
	a.log.Error("it is not known whether a caller was told; it is not sent again", "call_id", a.note().CallID,
		"tenant", label(a.tenant.name), "channel", a.note().Channel, "event", a.note().Event)
	return a.end(store.NotifyUnknown, resultUnknown, why, "")
}

// later puts it off: the work is done with, and comes again at its time.
func (a *attempt) later(why string, at time.Time) error {
	if err := a.release(!a.claim.Lost, why, at); err != nil {
		return err
	}
	a.counted(resultDeferred)
	return nil
}

// again leaves it to the work that comes again after a pause.
func (a *attempt) again(why string, notSent bool) error {
	a.counted(resultRetry)
	return errors.Join(errors.New(why), a.release(notSent, why, time.Time{}))
}

func (a *attempt) release(notSent bool, why string, at time.Time) error {
	return a.write(func(ctx context.Context) error {
		return a.notes.ReleaseNotification(ctx, a.claim, notSent, short(why, 500), at)
	})
}

func (a *attempt) end(state store.NotifyState, result, why, gatewayID string) error {
	err := a.write(func(ctx context.Context) error {
		return a.notes.EndNotification(ctx, a.claim, store.NotifyEnd{State: state, Reason: short(why, 500), GatewayID: gatewayID})
	})
	if err != nil {
		return err
	}
	a.counted(result)
	if err := a.reached(PointNoted); err != nil {
		return errDied
	}
	return nil
}

// write tries for a while, also when the worker is being stopped: what is
// known of a request must not be lost to a database that is away for a moment.
func (a *attempt) write(fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeLimit)
	defer cancel()
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		err := fn(ctx)
		if err == nil || !errors.Is(err, store.ErrUnavailable) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

const writeLimit = 5 * time.Second
