package orchestrator

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/orchestrator/call"
	"github.com/tidegate/tidegate/orchestrator/dialog"
)

// keptVersions is how many earlier versions of a flow are kept for calls that
// are taken over; calls in progress here keep theirs anyway.
const keptVersions = 8

// repertoire is the flows that calls are led by. A call keeps the machine that
// it began with, whatever is loaded later.
type repertoire struct {
	routes []flowRoute
	tenant func(flowRoute) string
	build  func(*dialog.Flow) *call.Machine
	log    *slog.Logger

	reloads *prometheus.CounterVec
	info    *prometheus.GaugeVec

	mu    sync.Mutex
	works map[string]*work // by flowRoute.flow
}

// work is one flow of the repertoire, as configured.
type work struct {
	name    string
	folder  fs.FS
	onDisk  bool
	current *call.Machine
	// earlier versions, the latest last.
	earlier []*call.Machine
	// tried is the state of the folder that was loaded or refused last, and
	// seen that of the last look.
	tried, seen string
}

// What a reload comes to; the values of a metric's label.
const (
	reloadLoaded  = "loaded"
	reloadRefused = "refused"
)

// newRepertoire loads every flow; one that cannot be is an error now, while
// later it would only be refused.
func newRepertoire(cfg Config, build func(*dialog.Flow) *call.Machine, log *slog.Logger, reg prometheus.Registerer) (*repertoire, error) {
	routes, err := cfg.routes()
	if err != nil {
		return nil, err
	}
	r := &repertoire{
		routes: routes, tenant: cfg.tenantOf, build: build, log: log, works: map[string]*work{},
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_flow_reloads_total", Help: "Flows found changed on disk, by what came of it."}, []string{"result"}),
		info: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tidegate_flow_info", Help: "Flows that new calls are led by; always 1."}, []string{"flow", "version"}),
	}
	for _, result := range []string{reloadLoaded, reloadRefused} {
		r.reloads.WithLabelValues(result)
	}
	var errs []error
	for _, route := range routes {
		if r.works[route.flow] != nil {
			continue
		}
		w, err := r.load(route.flow)
		if err != nil {
			key := "flows"
			if route.digits == "" {
				key = "flow_dir"
			}
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
			continue
		}
		r.works[route.flow] = w
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	r.publish()
	if reg != nil {
		reg.MustRegister(r.reloads, r.info)
	}
	return r, nil
}

func (r *repertoire) load(name string) (*work, error) {
	folder, onDisk, err := openFlow(name)
	if err != nil {
		return nil, err
	}
	w := &work{name: name, folder: folder, onDisk: onDisk}
	if onDisk {
		if w.tried, err = fingerprint(folder); err != nil {
			return nil, err
		}
	}
	flow, err := dialog.LoadFlow(folder, ".")
	if err != nil {
		return nil, err
	}
	w.current = r.build(flow)
	return w, nil
}

// publish tells the metrics which flows new calls get; r.mu is held, or
// nothing else has r yet.
func (r *repertoire) publish() {
	r.info.Reset()
	for _, w := range r.works {
		r.info.WithLabelValues(flowLabel(w.current.Flow), w.current.Flow.Version()).Set(1)
	}
}

// route is what leads a new call to a number, and whose call it is.
func (r *repertoire) route(called string) (m *call.Machine, tenant string) {
	route := r.find(called)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.works[route.flow].current, r.tenant(route)
}

func (r *repertoire) find(called string) flowRoute {
	number := bareNumber(called)
	for _, route := range r.routes[:len(r.routes)-1] {
		if route.matches(number) {
			return route
		}
	}
	return r.routes[len(r.routes)-1]
}

// machines are those that new calls get, in the order of the configuration.
func (r *repertoire) machines() []*call.Machine {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []*call.Machine
	for _, route := range slices.Backward(r.routes) {
		if m := r.works[route.flow].current; !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}

// ErrFlowGone: no flow here can go on with a call that was begun elsewhere.
var ErrFlowGone = errors.New("no flow can go on with the call")

// resume finds what goes on with a call that another orchestrator began: the
// very version if it is or was here, else the present version of the same flow
// if it knows everything that the conversation has come to.
func (r *repertoire) resume(called string, s dialog.State) (*call.Machine, error) {
	first := r.find(called).flow
	r.mu.Lock()
	defer r.mu.Unlock()
	works := []*work{r.works[first]}
	for _, route := range r.routes {
		if w := r.works[route.flow]; !slices.Contains(works, w) {
			works = append(works, w)
		}
	}
	var newest *call.Machine
	for _, w := range works {
		for _, m := range append([]*call.Machine{w.current}, w.earlier...) {
			if m.Flow.Began(s) && m.Flow.Fits(s) == nil {
				return m, nil
			}
		}
		if f := w.current.Flow; newest == nil && f.Name() == s.FlowName && (s.FlowLanguage == "" || f.Language() == s.FlowLanguage) {
			newest = w.current
		}
	}
	if newest == nil {
		return nil, fmt.Errorf("%w: %s/%s", ErrFlowGone, s.FlowName, s.FlowLanguage)
	}
	if err := newest.Flow.Fits(s); err != nil {
		return nil, fmt.Errorf("%w: version %s of %s: %w", ErrFlowGone, newest.Flow.Version(), flowLabel(newest.Flow), err)
	}
	r.log.Warn("call goes on with another version of its flow", "call", s.CallID,
		"flow", flowLabel(newest.Flow), "began", s.FlowVersion, "version", newest.Flow.Version())
	return newest, nil
}
