package link

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/tidegate/tidegate/workers/ticket"
)

// firstLook is how far back a system is asked the first time.
const firstLook = time.Hour

// eventMemory is how long events' ids are kept. What is older is kept out by
// its signature's time, or lies before the cursor.
const eventMemory = 7 * 24 * time.Hour

// pollLoop asks one system for changes, until it says that it cannot.
func (s *Service) pollLoop(ctx context.Context, g *guarded) {
	forget, told := time.Time{}, map[string]bool{}
	for {
		pause := s.cfg.PollInterval
		err := s.poll(ctx, g, told)
		switch {
		case errors.Is(err, ticket.ErrUnsupported):
			return
		case ctx.Err() != nil:
			return
		case err != nil:
			s.metrics.polls.WithLabelValues(label(g.tenant), outcomeFailed).Inc()
			s.log.Warn("ticket system could not be asked for changes", "tenant", label(g.tenant), "error", err)
		default:
			s.metrics.polls.WithLabelValues(label(g.tenant), "ok").Inc()
		}
		if now := s.now(); now.Sub(forget) > time.Hour {
			if err := s.links.ForgetLinkEvents(ctx, now.Add(-eventMemory)); err == nil {
				forget = now
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause + time.Duration(rand.Int64N(int64(pause)/5+1))): // not all workers at once
		}
	}
}

// poll asks once. The cursor moves only behind what has been kept; what is
// asked again is known by its id. told is what was refused the last time.
func (s *Service) poll(ctx context.Context, g *guarded, told map[string]bool) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.DeliverTimeout)
	defer cancel()
	known, err := s.links.LinkCursor(ctx, g.tenant)
	if err != nil {
		return err
	}
	since := known
	if known.IsZero() {
		since = s.now().Add(-firstLook)
	}
	var changes []ticket.ExternalChange
	var refused []*ticket.FieldError
	err = g.do(ctx, func(ctx context.Context) (err error) {
		changes, refused, err = g.Changes(ctx, since.Add(-s.cfg.PollOverlap))
		return err
	})
	if known.IsZero() && !errors.Is(err, ticket.ErrUnsupported) {
		// From here on nothing is missed, also when the system is away now, or
		// nothing changes before the workers stop for long.
		err = errors.Join(err, s.links.MoveLinkCursor(ctx, g.tenant, since))
	}
	if err != nil {
		return err
	}
	s.passOver(g, refused, told, len(changes))
	newest := since
	for _, c := range changes {
		if _, err := s.apply(ctx, g, c, sourcePoll); err != nil {
			return err
		}
		if c.At.After(newest) {
			newest = c.At
		}
	}
	if now := s.now(); newest.After(now) {
		newest = now // another system's clock does not move ours
	}
	if newest.After(since) {
		return s.links.MoveLinkCursor(ctx, g.tenant, newest)
	}
	return nil
}

// passOver tells of items that cannot be used, once: they are listed again
// until the cursor is behind them.
func (s *Service) passOver(g *guarded, refused []*ticket.FieldError, told map[string]bool, taken int) {
	var fresh []*ticket.FieldError
	for _, why := range refused {
		if !told[why.Error()] {
			fresh = append(fresh, why)
		}
	}
	clear(told)
	for _, why := range refused {
		told[why.Error()] = true
	}
	if len(fresh) == 0 {
		return
	}
	s.metrics.events.WithLabelValues(label(g.tenant), sourcePoll, outcomeRefused).Add(float64(len(fresh)))
	s.log.Warn("changes of a ticket system are passed over", "tenant", label(g.tenant), "refused", len(fresh), "taken", taken, "field", fresh[0].Field, "detail", fresh[0].Detail)
}
