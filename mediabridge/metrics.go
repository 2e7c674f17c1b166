package mediabridge

import (
	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	sessions      prometheus.Gauge
	framesIn      prometheus.Counter
	framesOut     prometheus.Counter
	drops         *prometheus.CounterVec
	utterances    prometheus.Counter
	playouts      *prometheus.CounterVec
	bargeIns      prometheus.Counter
	digits        prometheus.Counter
	noInputs      prometheus.Counter
	commands      *prometheus.CounterVec
	refused       *prometheus.CounterVec
	closed        *prometheus.CounterVec
	malformed     *prometheus.CounterVec
	slotFailures  *prometheus.CounterVec
	linksLost     *prometheus.CounterVec
	unrecognised  prometheus.Counter
	writeErrors   *prometheus.CounterVec
	publishFail   prometheus.Counter
	side          *prometheus.CounterVec
	panics        prometheus.Counter
	modelFailures prometheus.Counter
	falseStarts   *prometheus.CounterVec
	fillers       *prometheus.CounterVec

	dialectSlots *prometheus.CounterVec

	replacement prometheus.ObserverVec
	endpointing prometheus.Histogram
	recognition prometheus.Histogram
	response    prometheus.Histogram
	firstAudio  prometheus.Histogram
}

// Why sound during a prompt was no turn of the caller's.
const (
	falseNoise       = "noise"
	falseBackchannel = "backchannel"
	falseLate        = "late"
)

// What became of the words that cover a long wait.
const (
	fillerSpoken  = "spoken"
	fillerMissing = "missing"
)

// Values of labels; each is set to 0 at the start.
var (
	queueNames     = []string{"commands", "asr_in", "tts_in", "asr_out", "tts_out", "asr_audio", "tts_audio", "playout"}
	playoutReasons = []string{"finished", "interrupted", "stopped", "failed"}
	commandResults = []string{"done", "duplicate", "stale", "wrong_call", "unexpected"}
	refusedReasons = []string{"malformed", "signature", "use", "expired", "duplicate", "capacity", "draining", "handshake", "metadata", "call_mismatch", "bus"}
	closedReasons  = []string{closedByCommand, closedByPeer, closedLost, closedIdle, closedProtocol, closedTooLarge, closedShutdown, closedStalled, closedInternal, closedRate, closedFlood}
	malformedFrom  = []string{"switch", "side", "asr", "tts"}
	components     = []string{"asr", "tts"}
	writeTargets   = []string{"fork", "asr", "tts"}
	falseReasons   = []string{falseNoise, falseBackchannel, falseLate}
	fillerResults  = []string{fillerSpoken, fillerMissing}
	directions     = []string{"in", "out"}
	dialectResults = []string{dialectServed, dialectFallback, dialectKept}
)

func newMetrics(reg prometheus.Registerer) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	const ns, sub = "tidegate", "mediabridge"
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: ns, Subsystem: sub, Name: name, Help: help})
		reg.MustRegister(c)
		return c
	}
	vec := func(name, label, help string, values []string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: ns, Subsystem: sub, Name: name, Help: help}, []string{label})
		reg.MustRegister(c)
		for _, v := range values {
			c.WithLabelValues(v)
		}
		return c
	}
	histogram := func(name, help string, buckets ...float64) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: ns, Subsystem: sub, Name: name, Help: help, Buckets: buckets})
		reg.MustRegister(h)
		return h
	}
	frames := vec("frames_total", "direction", "Frames of 20 ms from (in) and to (out) the switch.", directions)
	replacement := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: ns, Subsystem: sub, Name: "speech_replacement_seconds", Help: "From the loss of a speech worker in a call to the next one's being ready.",
		Buckets: []float64{.005, .01, .02, .05, .1, .2, .3, .5, 1, 2, 5, 10, 30},
	}, []string{"component"})
	for _, c := range components {
		replacement.WithLabelValues(c)
	}
	reg.MustRegister(replacement)
	m := &metrics{
		sessions:      prometheus.NewGauge(prometheus.GaugeOpts{Namespace: ns, Subsystem: sub, Name: "sessions", Help: "Calls connected now."}),
		framesIn:      frames.WithLabelValues("in"),
		framesOut:     frames.WithLabelValues("out"),
		drops:         vec("queue_drops_total", "queue", "Items dropped because a bounded queue was full.", queueNames),
		utterances:    counter("caller_utterances_total", "Utterances of callers."),
		playouts:      vec("playouts_total", "reason", "Utterances played, by how they ended.", playoutReasons),
		bargeIns:      counter("barge_ins_total", "Utterances that callers interrupted."),
		digits:        counter("digits_total", "Keypad tones heard in the audio."),
		noInputs:      counter("no_inputs_total", "Silences that counted as no input."),
		commands:      vec("commands_total", "result", "Commands by what became of them.", commandResults),
		refused:       vec("refused_total", "reason", "Connections refused.", refusedReasons),
		closed:        vec("sessions_closed_total", "reason", "Sessions ended.", closedReasons),
		malformed:     vec("malformed_total", "source", "Messages that could not be understood.", malformedFrom),
		slotFailures:  vec("slot_failures_total", "component", "Attempts to get a speech slot that failed.", components),
		linksLost:     vec("speech_links_lost_total", "component", "Speech workers lost during a call.", components),
		unrecognised:  counter("unrecognised_total", "Utterances for which no recogniser gave a text in time."),
		writeErrors:   vec("write_errors_total", "target", "Websocket writes that failed.", writeTargets),
		publishFail:   counter("publish_failures_total", "Events that the bus did not take."),
		side:          vec("side_messages_total", "direction", "Bus messages carried through the switch.", directions),
		modelFailures: counter("vad_model_failures_total", "Calls without a voice activity model, which have the energy detector."),
		falseStarts:   vec("false_starts_total", "reason", "Sounds during a prompt that did not become the caller's turn.", falseReasons),
		fillers:       vec("fillers_total", "result", "Fillers due because an answer took long.", fillerResults),
		dialectSlots:  vec("dialect_slots_total", "result", "Recognisers asked for by dialect, by what was had.", dialectResults),
		replacement:   replacement,
		panics:        counter("panics_total", "Sessions ended by a defect of this program."),
		endpointing:   histogram("endpointing_seconds", "From the last speech of a turn to its end being found.", .1, .2, .35, .5, .7, .9, 1.2, 2, 5),
		recognition:   histogram("recognition_seconds", "From the end of a turn to its final transcript.", .02, .05, .1, .15, .25, .5, 1, 2, 5),
		response:      histogram("response_seconds", "From the last speech of a turn to the first audio of the answer.", .2, .4, .6, .8, 1, 1.2, 1.6, 2.5, 5, 10),
		firstAudio:    histogram("tts_first_audio_seconds", "From a request for synthesis to its first audio.", .005, .01, .02, .05, .1, .25, .5, 1, 2, 5),
	}
	reg.MustRegister(m.sessions)
	return m
}
