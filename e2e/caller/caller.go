package caller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/tidegate/tidegate/e2e/scenarios"
	"github.com/tidegate/tidegate/internal/obs"
	"github.com/tidegate/tidegate/internal/sipua"
	"github.com/tidegate/tidegate/workers/asr"
	"github.com/tidegate/tidegate/workers/tts"
)

// HeaderScenario is the SIP header that tells a recogniser which plays a
// script which one.
const HeaderScenario = "X-Tidegate-Scenario"

// Options of one call.
type Options struct {
	// Target is where to call: sip:USER@HOST:PORT, sip:HOST:PORT or HOST:PORT.
	// Without a user, the scenario's "to" is called.
	Target   string
	Scenario scenarios.Scenario
	Engine   tts.Engine // speaks the caller's lines; the caller of Run closes it
	// Ears hear the agent for a scenario with answers; the caller of Run
	// closes them.
	Ears asr.Engine
	// RecordPath is the stereo WAV file to write: caller left, agent right.
	// Empty: none.
	RecordPath string
	APIURL     string // base of the API, http://HOST:PORT
	APIToken   string
	// RecordTimeout bounds the wait for the call's record to be complete;
	// 0 is 20 s.
	RecordTimeout time.Duration
	// Listen is the SIP address of the caller; empty: a free port, on the
	// loopback interface for a target there.
	Listen string
	Log    *slog.Logger
	// OnEvent sees what happens as it happens. It must return at once: it runs
	// between two packets.
	OnEvent func(Event)
}

// ErrOptions is wrapped by errors of Options.
var ErrOptions = errors.New("caller options")

const defaultRecordTimeout = 20 * time.Second

// Run carries out one scenario. A call that was refused, took another course
// or has a record that differs from what is expected is a Result with
// Failures. An error says that the call could not be carried out or its record
// not be read; the Result then holds what is known.
func Run(ctx context.Context, o Options) (Result, error) {
	o, uri, called, err := o.complete()
	res := Result{Scenario: o.Scenario.Name, Turns: []Turn{}, Failures: []string{}}
	if err != nil {
		return res, err
	}
	records, err := newAPI(o.APIURL, o.APIToken)
	if err != nil {
		return res, err
	}
	defer records.close()
	sounds, err := prepare(ctx, o.Scenario, o.Engine)
	if err != nil {
		return res, err
	}
	ua, err := sipua.New(sipua.Options{Listen: o.Listen, UserAgent: "tidegate-caller", Log: o.Log})
	if err != nil {
		return res, fmt.Errorf("caller: %w", err)
	}
	l := &line{o: o, sounds: sounds, res: &res, began: time.Now()}
	res.StartedAt = l.began.UTC()
	err = l.place(ctx, ua, uri)
	res.DurationMS = time.Since(l.began).Milliseconds()
	if closeErr := ua.Close(); err == nil && closeErr != nil {
		o.Log.Warn("sip address not freed", "error", closeErr)
	}
	if o.RecordPath != "" && res.AnsweredMS != nil { // also of a call that was broken off
		tapeErr := l.tape.write(o.RecordPath)
		if tapeErr == nil {
			res.Recording = o.RecordPath
		}
		err = errors.Join(err, tapeErr)
	}
	if err == nil && res.AnsweredMS != nil {
		err = l.compare(ctx, records, called)
	}
	res.OK = err == nil && len(res.Failures) == 0
	return res, err
}

// complete fills in defaults and gives the URI and number to call.
func (o Options) complete() (_ Options, uri, called string, err error) {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrOptions}, args...)...))
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.OnEvent == nil {
		o.OnEvent = func(Event) {}
	}
	if o.RecordTimeout <= 0 {
		o.RecordTimeout = defaultRecordTimeout
	}
	if o.Scenario.Name == "" || o.Scenario.From == "" {
		bad("no scenario")
	}
	if o.Ears == nil && o.Scenario.Listens() {
		bad("the scenario answers to what is heard, and there is no recogniser to hear with")
	}
	if o.APIURL == "" {
		bad("no API address: without the records nothing can be said of the outcome")
	}
	host := strings.TrimPrefix(o.Target, "sip:")
	user, rest, given := strings.Cut(host, "@")
	if given {
		host, called = rest, user
	} else {
		called = o.Scenario.To
	}
	if host == "" || called == "" {
		bad("target %q is not sip:USER@HOST:PORT", o.Target)
	}
	if o.Listen == "" {
		o.Listen = "0.0.0.0:0"
		if onLoopback(host) {
			o.Listen = "127.0.0.1:0"
		}
	}
	return o, "sip:" + called + "@" + host, called, errors.Join(errs...)
}

// onLoopback tells whether HOST:PORT;parameters is on this machine.
func onLoopback(host string) bool {
	host, _, _ = strings.Cut(host, ";")
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// compare reads the call's record and holds it against the expectations.
func (l *line) compare(ctx context.Context, records *api, called string) error {
	asking, cancel := context.WithTimeout(ctx, l.o.RecordTimeout)
	defer cancel()
	record, err := records.await(asking, l.o.Scenario.From, called, l.began)
	if err == nil {
		err = ctx.Err()
	}
	if record != nil {
		l.res.Record, l.res.CallID = record, record.ID
		l.res.TicketNumber, l.res.Intent, l.res.Outcome = record.ticketNumber(), record.Intent, record.Outcome
		l.tell(EventRecorded, record.ID)
	}
	if err != nil {
		return err
	}
	switch {
	case record == nil:
		l.fail("no record of the call appeared within %s", l.o.RecordTimeout)
	case !record.complete():
		l.fail("the call's record was not complete within %s: its status is %q", l.o.RecordTimeout, record.Status)
	}
	l.res.Failures = append(l.res.Failures, Evaluate(l.o.Scenario.Expect, *l.res)...)
	l.o.Log.Info("scenario finished", "scenario", l.res.Scenario, "caller", obs.Phone(l.o.Scenario.From), "failures", len(l.res.Failures))
	return nil
}
