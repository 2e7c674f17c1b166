package console

import (
	"context"
	"time"
)

const (
	// indexEvery finds tickets whose facts were lost; those of a first start
	// are found by its first round.
	indexEvery = time.Hour
	indexBatch = 200
	// upkeepTimeout bounds one batch.
	upkeepTimeout = time.Minute
)

// every does a piece of upkeep now and then until the service ends.
func (s *Service) every(pause time.Duration, work func()) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		work()
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// upkeepIndex indexes the tickets that are not, batch by batch.
func (s *Service) upkeepIndex() {
	for after := ""; s.ctx.Err() == nil; {
		ctx, cancel := context.WithTimeout(s.ctx, upkeepTimeout)
		next, err := s.records.IndexMissing(ctx, after, indexBatch)
		cancel()
		if err != nil && s.ctx.Err() == nil {
			s.metrics.indexErr.Inc()
			s.log.Warn("search index not brought up to date", "error", err)
		}
		if err != nil || next == "" {
			return
		}
		after = next
	}
}
