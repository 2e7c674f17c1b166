package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/tidegate/tidegate/e2e/caller"
	"github.com/tidegate/tidegate/e2e/interruption"
	"github.com/tidegate/tidegate/e2e/noise"
	"github.com/tidegate/tidegate/e2e/standalone"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/speechdata"
	"github.com/tidegate/tidegate/workers/tts"
)

var _ = []any{context.Background, errors.New, fmt.Sprint, filepath.Join, time.Now, caller.Run, interruption.Play, noise.Make, standalone.Start, bus.Connect, speechdata.Find, tts.New}

func (b *bench) recognition(ctx context.Context) error   { return nil }
func (b *bench) streams(ctx context.Context) error       { return nil }
func (b *bench) synthesis(ctx context.Context) error     { return nil }
func (b *bench) calls(ctx context.Context) error         { return nil }
func (b *bench) interruptions(ctx context.Context) error { return nil }
