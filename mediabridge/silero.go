package mediabridge

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/internal/speechmodel"
)

// Voice activity detectors.
const (
	VADAuto   = "auto"   // silero where it can be, energy elsewhere
	VADSilero = "silero" // a neural network (Silero VAD)
	VADEnergy = "energy" // level over the noise floor
)

// modelRate is the rate of the model's sound.
const modelRate = 16000

// What the model is told of gaps: the hangover is ours, so its own is short.
const (
	modelMinSilence = 60 * time.Millisecond
	modelMinSpeech  = 32 * time.Millisecond
	// modelMemory bounds the speech after which the model starts afresh: it
	// keeps the sound of a speech that does not end. Its first frames after
	// that are bridged by the hangover.
	modelMemory = 8 * time.Second
)

// Frames under the energy detector's floor are not worth the model's time
// once it has been quiet for so long.
const idleFrames = 15

// voice is the detector of a call: energy for every frame, and where a model
// is, its judgement of the frames that are loud enough to be anything.
type voice struct {
	energy vad
	model  *sherpa.VAD
	rate   int
	state  activity

	pcm      []float32
	last     int16 // the sample before, for interpolation
	quiet    int   // frames in a row under the floor
	speechMS int   // since the model was started afresh
}

func newVoice(cfg VADConfig, rate int) voice {
	return voice{energy: newVAD(cfg), rate: rate, state: activity{quietMS: math.MaxInt32}}
}

// use hands a model over; the detector has it until release.
func (v *voice) use(m *sherpa.VAD) {
	v.model = m
	v.pcm = make([]float32, modelRate/1000*frameMS)
}

// release gives the model back.
func (v *voice) release() *sherpa.VAD {
	m := v.model
	v.model = nil
	return m
}

// frame takes 20 ms of sound. Tone says that a keypad tone fills it.
func (v *voice) frame(pcm []int16, tone bool) activity {
	a := v.energy.frame(pcm, tone)
	if v.model == nil {
		return a
	}
	if v.energy.faint() || tone {
		v.quiet++
	} else {
		v.quiet = 0
	}
	speech := false
	if v.quiet < idleFrames {
		speech = v.model.Accept(v.floats(pcm)) && !tone
	} else {
		v.last = pcm[len(pcm)-1]
	}
	v.count(speech, tone)
	return v.state
}

func (v *voice) count(speech, tone bool) {
	s := &v.state
	s.loud = speech
	if !speech {
		s.quietMS = min(s.quietMS+frameMS, math.MaxInt32)
		if s.quietMS > v.energy.hangoverMS || tone {
			s.runMS = 0
		}
		v.speechMS = 0
		return
	}
	s.runMS += frameMS
	s.quietMS = 0
	if v.speechMS += frameMS; v.speechMS >= int(modelMemory.Milliseconds()) {
		v.speechMS = 0
		v.model.Reset()
	}
}

// floats is a frame at the model's rate. A frame at 8 kHz is interpolated:
// the images over 4 kHz that this leaves are of no account to the model, and
// a filter would delay.
func (v *voice) floats(pcm []int16) []float32 {
	if v.rate == modelRate {
		for i, s := range pcm {
			v.pcm[i] = float32(s) / 32768
		}
		return v.pcm[:len(pcm)]
	}
	for i, s := range pcm {
		v.pcm[2*i] = (float32(v.last) + float32(s)) / 65536
		v.pcm[2*i+1] = float32(s) / 32768
		v.last = s
	}
	return v.pcm[:2*len(pcm)]
}

// models lends voice activity models to calls: loading one takes longer than
// answering a call may, so those that come back are kept.
type models struct {
	cfg sherpa.VADConfig

	mu     sync.Mutex
	closed bool
	idle   []*sherpa.VAD
}

// SileroModel is the name of the installed model.
const SileroModel = "silero_vad"

// modelFile finds the model's file; "" when there is none and none is needed.
func modelFile(cfg VADConfig, store *speechmodel.Store) (string, error) {
	switch {
	case cfg.Engine == VADEnergy:
		return "", nil
	case !sherpa.Available:
		if cfg.Engine == VADSilero {
			return "", fmt.Errorf("vad.engine %s: %w", VADSilero, sherpa.ErrNoCgo)
		}
		return "", nil
	case cfg.Model != "":
		return cfg.Model, nil
	case store == nil:
		return "", nil
	}
	m, err := store.Open(SileroModel)
	if errors.Is(err, speechmodel.ErrNotInstalled) && cfg.Engine == VADAuto {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("vad.engine: %w", err)
	}
	return m.File("model"), nil
}

// newModels loads the first model, which shows that there is one; nil for
// the energy detector.
func newModels(cfg VADConfig, store *speechmodel.Store) (*models, error) {
	file, err := modelFile(cfg, store)
	if err != nil || file == "" {
		return nil, err
	}
	m := &models{cfg: sherpa.VADConfig{
		Model: file, Threshold: float32(cfg.Threshold), MinSilence: modelMinSilence, MinSpeech: modelMinSpeech,
	}}
	v, err := m.get()
	if err != nil {
		return nil, fmt.Errorf("vad.model: %w", err)
	}
	m.put(v)
	return m, nil
}

var errModelsClosed = errors.New("voice activity models are closed")

func (m *models) get() (*sherpa.VAD, error) {
	m.mu.Lock()
	if n := len(m.idle); n > 0 {
		v := m.idle[n-1]
		m.idle = m.idle[:n-1]
		m.mu.Unlock()
		return v, nil
	}
	closed := m.closed
	m.mu.Unlock()
	if closed {
		return nil, errModelsClosed
	}
	return sherpa.NewVAD(m.cfg)
}

func (m *models) put(v *sherpa.VAD) {
	if v == nil {
		return
	}
	v.Reset()
	m.mu.Lock()
	if !m.closed {
		m.idle = append(m.idle, v)
		v = nil
	}
	m.mu.Unlock()
	if v != nil {
		v.Close()
	}
}

func (m *models) close() {
	if m == nil {
		return
	}
	m.mu.Lock()
	idle := m.idle
	m.closed, m.idle = true, nil
	m.mu.Unlock()
	for _, v := range idle {
		v.Close()
	}
}

// lend gives a session its model as soon as there is one; until then, and
// where none can be loaded, energy decides.
func (s *Service) lend(v *session) {
	if s.models == nil {
		return
	}
	m, err := s.models.get()
	if err != nil {
		s.metrics.modelFailures.Inc()
		v.log.Warn("no voice activity model", "error", err)
		return
	}
	v.model <- m
}

// takeBack gets the model of a session that has ended.
func (s *Service) takeBack(v *session) {
	if s.models == nil {
		return
	}
	s.models.put(v.voice.release())
	select {
	case m := <-v.model: // it came too late to be used
		s.models.put(m)
	default:
	}
}
