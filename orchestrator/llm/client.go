package llm

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/breaker"
	"github.com/tidegate/tidegate/orchestrator/dialog"
)

// Client asks one model. It is safe for concurrent use.
type Client struct {
	cfg       Config
	log       *slog.Logger
	metrics   *metrics
	chat      openai.ChatCompletionService
	transport *transport
	breaker   *breaker.Breaker
	places    chan struct{}
}

// New makes a client of a valid Config with a server. Nothing is asked yet.
func New(cfg Config, log *slog.Logger, reg prometheus.Registerer) (*Client, error) {
	if err := cfg.Validate(""); err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := &Client{cfg: cfg, log: log, metrics: newMetrics(reg), transport: newTransport(), places: make(chan struct{}, cfg.Concurrency)}
	// The service alone reads no environment, as a client of everything would.
	options := []option.RequestOption{
		option.WithBaseURL(strings.TrimSuffix(cfg.BaseURL, "/") + "/"), option.WithMaxRetries(0), option.WithHTTPClient(c.transport.client()),
	}
	if cfg.Key != "" {
		options = append(options, option.WithAPIKey(cfg.Key.Reveal()))
	}
	c.chat = openai.NewChatCompletionService(options...)
	c.breaker = breaker.New(breaker.Options{
		Failures: cfg.Failures, Cooldown: cfg.Cooldown, NoVerdict: noVerdict, Changed: c.changed,
	})
	return c, nil
}

func (c *Client) changed(open bool) {
	if open {
		c.metrics.open.Set(1)
		c.log.Warn("language model rests after failures in a row", "cooldown", c.cfg.Cooldown)
		return
	}
	c.metrics.open.Set(0)
	c.log.Info("language model answers again")
}

// Close ends the connections that are kept.
func (c *Client) Close() { c.transport.base.CloseIdleConnections() }

// Advice is what may be asked.
func (c *Client) Advice() dialog.Advice {
	return dialog.Advice{Understand: c.cfg.Understand, Word: c.cfg.Word}
}

// ask runs one question within the limits: of questions at once, of failures in
// a row, and of time. more, given to it, begins the time anew.
func (c *Client) ask(ctx context.Context, kind dialog.ConsultKind, do func(ctx context.Context, more func()) error) (err error) {
	began, sent := time.Now(), false
	defer func() {
		c.metrics.requests.WithLabelValues(string(kind), result(err)).Inc()
		if sent {
			c.metrics.seconds.WithLabelValues(string(kind)).Observe(time.Since(began).Seconds())
		}
	}()
	select {
	case c.places <- struct{}{}:
		defer func() { <-c.places }()
	default:
		return ErrBusy
	}
	done, ok := c.breaker.Try()
	if !ok {
		return ErrOpen
	}
	defer func() { done(err) }()
	sent = true
	c.metrics.active.Inc()
	defer c.metrics.active.Dec()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(c.cfg.Timeout, func() { cancel(ErrTimeout) })
	defer late.Stop()
	return classify(ctx, do(ctx, func() { late.Reset(c.cfg.Timeout) }))
}
