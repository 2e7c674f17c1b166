// Package lifecycle starts the parts of a process in order and ends them in
// the opposite order: drained on the first signal, cut on the second.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Part is one service of the process. Nil functions are left out.
type Part struct {
	Name  string
	Start func(context.Context) error
	// Drain takes nothing new and returns when what is in hand is done.
	Drain func(context.Context) error
	// Cut ends what is in hand; Drain then returns soon.
	Cut  func()
	Stop func(context.Context) error
}

// Group runs parts.
type Group struct {
	Log        *slog.Logger
	DrainLimit time.Duration // for all drains together
	StopLimit  time.Duration // for all stops together
	started    []Part
}

// Start starts a part and remembers it. When it fails, the parts before it
// keep running until Stop.
func (g *Group) Start(ctx context.Context, p Part) error {
	if p.Start != nil {
		if err := p.Start(ctx); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	g.started = append(g.started, p)
	return nil
}

// Wait blocks until the first signal, then drains in the order of starting
// backwards. A second signal cuts. It returns when everything has stopped.
func (g *Group) Wait(signals <-chan struct{}) error {
	<-signals
	g.Log.Info("draining; a second signal hangs up", "limit", g.DrainLimit)
	return errors.Join(g.drain(signals), g.Stop())
}

func (g *Group) drain(signals <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), g.DrainLimit)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		var errs []error
		for _, p := range slices.Backward(g.started) {
			if p.Drain == nil {
				continue
			}
			g.Log.Debug("draining", "part", p.Name)
			if err := p.Drain(ctx); err != nil && !errors.Is(err, context.Canceled) {
				errs = append(errs, fmt.Errorf("%s: drain: %w", p.Name, err))
			}
		}
		done <- errors.Join(errs...)
	}()
	for {
		select {
		case err := <-done:
			return err
		case _, ok := <-signals:
			if !ok {
				signals = nil
				continue
			}
			g.Log.Warn("second signal: ending what is in progress")
			for _, p := range slices.Backward(g.started) {
				if p.Cut != nil {
					p.Cut()
				}
			}
			time.AfterFunc(cutGrace, cancel)
		}
	}
}

// cutGrace is what calls that were told to end have to end in.
const cutGrace = 3 * time.Second

// Stop ends the parts, the last started first. It may be called again.
func (g *Group) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), g.StopLimit)
	defer cancel()
	var errs []error
	for _, p := range slices.Backward(g.started) {
		if p.Stop == nil {
			continue
		}
		g.Log.Debug("stopping", "part", p.Name)
		if err := p.Stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: stop: %w", p.Name, err))
		}
	}
	g.started = nil
	return errors.Join(errs...)
}
