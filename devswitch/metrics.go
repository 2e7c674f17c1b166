package devswitch

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	channels   prometheus.Gauge
	calls      *prometheus.CounterVec
	refused    *prometheus.CounterVec
	events     prometheus.Counter
	eventDrops prometheus.Counter
	commands   *prometheus.CounterVec
	auth       prometheus.Counter
	forkDrops  prometheus.Counter
	forks      *prometheus.CounterVec
	inboxDrops prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "tidegate_devswitch_" + name, Help: help})
		reg.MustRegister(c)
		return c
	}
	vector := func(name, help, label string, values ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tidegate_devswitch_" + name, Help: help}, []string{label})
		reg.MustRegister(c)
		for _, v := range values {
			c.WithLabelValues(v)
		}
		return c
	}
	m := &metrics{
		channels:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "tidegate_devswitch_channels", Help: "Channels that exist now."}),
		calls:      vector("channels_total", "Channels made, by direction.", "direction", "inbound", "outbound"),
		refused:    vector("refused_total", "Calls refused on arrival, by reason.", "reason", "sessions", "rate", "paused", "stopping"),
		events:     counter("events_total", "Events fired."),
		eventDrops: counter("event_drops_total", "Events not delivered because an event socket reads too slowly."),
		commands:   vector("commands_total", "Event socket commands, by connection direction.", "direction", "inbound", "outbound"),
		auth:       counter("auth_failures_total", "Event socket connections with a wrong password."),
		forkDrops:  counter("fork_drops_total", "Frames not sent to an audio fork's server because it reads too slowly."),
		forks:      vector("forks_total", "Audio forks, by how the connection went.", "result", "connected", "failed", "dropped"),
		inboxDrops: counter("inbox_drops_total", "Requests to a channel refused because its inbox was full."),
	}
	reg.MustRegister(m.channels)
	return m
}
