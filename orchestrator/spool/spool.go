// Package spool gets durable messages out while the bus may be away: what
// cannot be published now waits on disk, and is published in order once the
// bus is back, by this process or the next one on the same directory.
package spool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/schemas"
)

// Publisher is where messages go: stored when it returns nil, once per id.
type Publisher interface {
	PublishDurable(ctx context.Context, subject string, data any, opts ...schemas.Option) error
}

// Message is one durable message. ID makes a repeat a repeat.
type Message struct {
	ID      string          `json:"id"`
	Subject string          `json:"subject"`
	Type    string          `json:"type"`
	CallID  string          `json:"call_id,omitempty"`
	Data    json.RawMessage `json:"data"`
}

// Config bounds the spool.
type Config struct {
	Dir         string        `koanf:"dir" help:"directory for messages that wait for NATS"`
	MaxQueue    int           `koanf:"max_queue" help:"messages waiting in memory to be published; more go to disk at once"`
	MaxFiles    int           `koanf:"max_files" help:"messages waiting on disk; more are refused and counted"`
	RetryPause  time.Duration `koanf:"retry_pause" help:"pause before waiting messages are tried again"`
	PublishTime time.Duration `koanf:"publish_timeout" help:"time limit of publishing one message"`
}

// Defaults keep an hour of a busy orchestrator's messages.
func Defaults() Config {
	return Config{Dir: "data/spool", MaxQueue: 4096, MaxFiles: 200_000, RetryPause: 500 * time.Millisecond, PublishTime: 2 * time.Second}
}

// Validate reports every field that cannot work.
func (c Config) Validate() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("dir: must be set"))
	}
	if c.MaxQueue < 1 {
		errs = append(errs, errors.New("max_queue: must be at least 1"))
	}
	if c.MaxFiles < 1 {
		errs = append(errs, errors.New("max_files: must be at least 1"))
	}
	if c.RetryPause <= 0 {
		errs = append(errs, errors.New("retry_pause: must be more than 0"))
	}
	if c.PublishTime <= 0 {
		errs = append(errs, errors.New("publish_timeout: must be more than 0"))
	}
	return errors.Join(errs...)
}

// ErrFull: the disk part holds MaxFiles messages.
var ErrFull = errors.New("spool is full")

// Spool publishes messages, at once or later.
type Spool struct {
	cfg     Config
	pub     Publisher
	log     *slog.Logger
	waiting prometheus.Gauge
	lost    prometheus.Counter

	queue chan Message
	wake  chan struct{}
	stop  chan struct{}
	once  sync.Once
	done  sync.WaitGroup

	mu    sync.Mutex
	seq   uint64
	files int
}

// Open makes the directory and counts what waits in it. Start publishes.
func Open(cfg Config, pub Publisher, log *slog.Logger, reg prometheus.Registerer) (*Spool, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	s := &Spool{
		cfg: cfg, pub: pub, log: log, queue: make(chan Message, cfg.MaxQueue), wake: make(chan struct{}, 1), stop: make(chan struct{}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{Name: "tidegate_spool_files", Help: "Messages on disk that wait for NATS."}),
		lost:    prometheus.NewCounter(prometheus.CounterOpts{Name: "tidegate_spool_lost_total", Help: "Messages lost because the spool was full or its disk failed."}),
	}
	if reg != nil {
		reg.MustRegister(s.waiting, s.lost)
	}
	names, err := s.list()
	if err != nil {
		return nil, err
	}
	s.files = len(names)
	s.waiting.Set(float64(s.files))
	s.seq = uint64(time.Now().UnixNano())
	return s, nil
}

// Start publishes until Stop.
func (s *Spool) Start() {
	s.done.Go(s.publishQueue)
	s.done.Go(s.publishFiles)
}

// Stop ends publishing; what is still in memory goes to disk.
func (s *Spool) Stop() {
	s.once.Do(func() { close(s.stop) })
	s.done.Wait()
	for {
		select {
		case m := <-s.queue:
			s.keep(m)
		default:
			return
		}
	}
}

// NewMessage wraps registered data.
func NewMessage(id, subject, callID string, data any) (Message, error) {
	typ := schemas.TypeOf(data)
	if typ == "" {
		return Message{}, fmt.Errorf("%w: %T", schemas.ErrUnknownType, data)
	}
	raw, err := json.Marshal(data)
	return Message{ID: id, Subject: subject, Type: typ, CallID: callID, Data: raw}, err
}

// Put queues a message and returns at once; order is kept while NATS is
// there.
func (s *Spool) Put(m Message) {
	select {
	case s.queue <- m:
	default:
		s.keep(m)
	}
}

// Publish tries once, now; when that fails, the message is on disk before it
// returns. sent says which; an error means that neither worked.
func (s *Spool) Publish(ctx context.Context, m Message) (sent bool, err error) {
	if err = s.publish(ctx, m); err == nil {
		return true, nil
	}
	s.log.Warn("message waits on disk", "type", m.Type, "error", err)
	return false, s.write(m)
}

func (s *Spool) publish(ctx context.Context, m Message) error {
	msg, ok := schemas.Lookup(m.Type)
	if !ok {
		return fmt.Errorf("%w: %q", schemas.ErrUnknownType, m.Type)
	}
	data := msg.New()
	if err := json.Unmarshal(m.Data, data); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.PublishTime)
	defer cancel()
	opts := []schemas.Option{schemas.WithID(m.ID)}
	if m.CallID != "" {
		opts = append(opts, schemas.ForCall(m.CallID))
	}
	return s.pub.PublishDurable(ctx, m.Subject, data, opts...)
}

func (s *Spool) publishQueue() {
	for {
		select {
		case <-s.stop:
			return
		case m := <-s.queue:
			// Behind messages on disk, it waits for its turn there.
			if s.onDisk() > 0 || s.publish(context.Background(), m) != nil {
				s.keep(m)
			}
		}
	}
}

func (s *Spool) keep(m Message) {
	if err := s.write(m); err != nil {
		s.lost.Inc()
		s.log.Error("message lost", "type", m.Type, "id", m.ID, "error", err)
	}
}

// write puts a message on disk under a name that sorts by time; a rename
// makes it appear whole.
func (s *Spool) write(m Message) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files >= s.cfg.MaxFiles {
		return ErrFull
	}
	s.seq++
	name := filepath.Join(s.cfg.Dir, fmt.Sprintf("%020d.json", s.seq))
	if err := os.WriteFile(name+".tmp", b, 0o600); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	if err := os.Rename(name+".tmp", name); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	s.files++
	s.waiting.Set(float64(s.files))
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

func (s *Spool) onDisk() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files
}

// publishFiles empties the directory in order, whenever something is there.
func (s *Spool) publishFiles() {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-s.wake:
		case <-pause.C:
		}
		if s.onDisk() > 0 && !s.sweep() {
			pause.Reset(s.cfg.RetryPause)
		}
	}
}

// sweep publishes what waits; false when something still does.
func (s *Spool) sweep() bool {
	names, err := s.list()
	if err != nil {
		s.log.Error("spool cannot be read", "error", err)
		return false
	}
	for _, name := range names {
		select {
		case <-s.stop:
			return true
		default:
		}
		if !s.sendFile(name) {
			return false
		}
	}
	return s.onDisk() == 0
}

func (s *Spool) sendFile(name string) bool {
	path := filepath.Join(s.cfg.Dir, name)
	b, err := os.ReadFile(path)
	var m Message
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		// Kept aside for people to look at; it must not block the others.
		s.log.Error("spooled message cannot be read, set aside", "file", name, "error", err)
		s.lost.Inc()
		_ = os.Rename(path, path+".bad")
		s.removed()
		return true
	}
	if err := s.publish(context.Background(), m); err != nil {
		s.log.Debug("NATS is still away", "error", err)
		return false
	}
	if err := os.Remove(path); err != nil {
		s.log.Error("published message stays on disk", "file", name, "error", err)
		return false
	}
	s.removed()
	return true
}

func (s *Spool) removed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files--
	s.waiting.Set(float64(s.files))
}

func (s *Spool) list() ([]string, error) {
	entries, err := os.ReadDir(s.cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".json") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}
