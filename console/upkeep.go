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

// upkeepIndex indexes the tickets that are not, batch by batch.
func (s *Service) upkeepIndex(ctx context.Context) error {
	for after := ""; ctx.Err() == nil; {
		batch, cancel := context.WithTimeout(ctx, upkeepTimeout)
		next, err := s.records.IndexMissing(batch, after, indexBatch)
		cancel()
		if err != nil || next == "" {
			return err
		}
		after = next
	}
	return nil
}
