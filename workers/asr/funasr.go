package asr

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/funasr"
	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/workers/speech"
)

// EngineFunASR is the name of the engine that asks FunASR servers.
const EngineFunASR = "funasr"

// funasrEngine recognises with FunASR servers: one connection for each
// stream, at the server that has the fewest.
type funasrEngine struct {
	cfg     FunASRConfig
	opts    funasr.Options // but for the address
	keep    time.Duration  // sound kept of one utterance
	servers []*funasrServer
	log     *slog.Logger
	metrics *funasrMetrics
}

// funasrServer is one of the servers.
type funasrServer struct {
	url     string
	breaker *speech.Breaker
	streams atomic.Int64
	// acknowledges: it says is_end, see funasr.Conn.Ends.
	acknowledges atomic.Bool
}

// breakerFailures in a row make a server, or an engine, rest: one may be a
// connection that happened to break.
const breakerFailures = 2

// errNoServer: no server of the engine can be reached.
var errNoServer = errors.New("no FunASR server in reach")

func newFunASR(cfg FunASRConfig, keep time.Duration, log *slog.Logger, m *funasrMetrics) (*funasrEngine, error) {
	trust, err := speech.TLS(cfg.CAFile, cfg.ServerName)
	if err != nil {
		return nil, fmt.Errorf("funasr.%w", err)
	}
	e := &funasrEngine{cfg: cfg, opts: cfg.options(trust), keep: keep, log: log, metrics: m}
	for _, url := range cfg.URLs {
		e.servers = append(e.servers, &funasrServer{url: url, breaker: speech.NewBreaker(breakerFailures, cfg.Cooldown, nil)})
	}
	return e, nil
}

func (c FunASRConfig) options(trust *tls.Config) funasr.Options {
	size, _ := c.chunkSize() // validated
	return funasr.Options{
		TLS: trust, Server: funasrServers[c.Server], Mode: c.Mode, ChunkSize: size, ChunkInterval: c.ChunkInterval,
		Rate: c.SampleRate, ITN: c.ITN,
		HandshakeTimeout: c.ConnectTimeout, WriteTimeout: c.WriteTimeout, PingInterval: 5 * time.Second, PongTimeout: 20 * time.Second,
	}
}

func (e *funasrEngine) Name() string { return EngineFunASR }

func (e *funasrEngine) Capabilities() Capabilities {
	return Capabilities{
		Languages: e.cfg.Languages, Dialects: e.cfg.Dialects, SampleRates: []int{8000, 16000},
		Partials: e.cfg.Mode != funasr.ModeOffline, Hints: e.cfg.HotwordWeight > 0,
	}
}

func (e *funasrEngine) Close() error { return nil }

// Start connects, so that an engine whose servers are away is known to be.
func (e *funasrEngine) Start(ctx context.Context, o Options) (Stream, error) {
	if !slices.Contains(e.Capabilities().SampleRates, o.SampleRate) {
		return nil, fmt.Errorf("%w: sample rate %d", ErrUnsupported, o.SampleRate)
	}
	language := e.language(o.Dialect)
	conn, server, err := e.connect(ctx, language)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &funasrStream{
		journal: newJournal(audio.Samples(e.keep, o.SampleRate), o.Phrases), engine: e, spokenIn: language, ctx: ctx, cancel: cancel,
		resampler: audio.NewResampler(o.SampleRate, e.cfg.SampleRate), spoken: map[int]*funasrUtterance{},
		events: make(chan Event, eventQueue), doomed: make(chan int, 1), finished: make(chan struct{}),
		log: e.log.With("call_id", o.CallID),
	}
	s.join(conn, server)
	go s.run()
	return s, nil
}

// language is what a SenseVoice model is told: the configured language, else
// Cantonese to a caller who speaks it.
func (e *funasrEngine) language(spoken string) string {
	const cantonese = "yue"
	if e.cfg.Language == "" && spoken == cantonese {
		return cantonese
	}
	return e.cfg.Language
}

// connect takes the server with the fewest streams that answers. While all
// of them rest it fails at once.
func (e *funasrEngine) connect(ctx context.Context, language string) (*funasr.Conn, *funasrServer, error) {
	order := slices.Clone(e.servers)
	slices.SortStableFunc(order, func(a, b *funasrServer) int { return cmp.Compare(a.streams.Load(), b.streams.Load()) })
	errs := []error{errNoServer}
	for _, server := range order {
		done, ok := server.breaker.Try()
		if !ok {
			e.metrics.dials.WithLabelValues(dialResting).Inc()
			continue
		}
		conn, err := e.dial(ctx, server.url, language)
		if err == nil {
			done(speech.ErrNoVerdict)
			e.metrics.dials.WithLabelValues(dialConnected).Inc()
			return conn, server, nil
		}
		done(err)
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		e.metrics.dials.WithLabelValues(dialFailed).Inc()
		errs = append(errs, err)
	}
	return nil, nil, errors.Join(errs...)
}

func (e *funasrEngine) dial(ctx context.Context, url, language string) (*funasr.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.ConnectTimeout)
	defer cancel()
	o := e.opts
	o.URL, o.Language = url, language
	conn, err := funasr.Dial(ctx, o)
	var refused *ws.HandshakeError
	if errors.As(err, &refused) && (refused.Status == http.StatusServiceUnavailable || refused.Status == http.StatusTooManyRequests) {
		return nil, fmt.Errorf("%w: %w", ErrOverloaded, err) // a proxy before servers that are full
	}
	return conn, err
}
