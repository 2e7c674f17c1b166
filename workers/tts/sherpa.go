package tts

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/internal/speechmodel"
	"github.com/tidegate/tidegate/internal/zhtext"
)

// sherpaEngine speaks with ONNX voices in this process.
type sherpaEngine struct {
	cfg    SherpaConfig
	models map[string]*instances    // by the name in the configuration
	voices map[string]sherpaSpeaker // by name; "" is the one of requests that name none
	caps   Capabilities
}

// sherpaSpeaker is a voice, ready to speak.
type sherpaSpeaker struct {
	model *instances
	voice sherpa.Voice // at rate 1
	// styles are the voices of styles that have one of their own.
	styles map[string]string
}

// errSilent: a text that should be spoken gave no sound.
var errSilent = errors.New("model has no sound for the text")

// newSherpa opens and loads every model that the configuration names.
func newSherpa(cfg SherpaConfig, models speechmodel.Config) (*sherpaEngine, error) {
	if err := errNoSherpa(); err != nil {
		return nil, err
	}
	if cfg.Model == "" {
		return nil, errors.New("sherpa.model: must be set")
	}
	e := &sherpaEngine{cfg: cfg, models: map[string]*instances{}, voices: map[string]sherpaSpeaker{}}
	if err := e.load(speechmodel.NewStore(models)); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func (e *sherpaEngine) load(store *speechmodel.Store) error {
	var errs []error
	for _, name := range e.cfg.modelNames() {
		m, err := openInstances(store, name, e.cfg)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		e.models[name] = m
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := e.loadVoices(); err != nil {
		return err
	}
	e.caps = e.capabilities()
	return nil
}

// modelNames lists the models of all voices, the main one first.
func (c SherpaConfig) modelNames() []string {
	names := []string{c.Model}
	for _, voice := range slices.Sorted(maps.Keys(c.Voices)) {
		if m := c.Voices[voice].Model; m != "" && !slices.Contains(names, m) {
			names = append(names, m)
		}
	}
	return names
}

// copies is how many instances of each model are loaded: by default one core
// is left to the rest of the process.
func (c SherpaConfig) copies() int {
	if c.Instances > 0 {
		return c.Instances
	}
	return max(1, (runtime.NumCPU()-1)/max(1, c.Threads))
}

// openInstances verifies a model's files and loads it.
func openInstances(store *speechmodel.Store, name string, cfg SherpaConfig) (*instances, error) {
	m, err := store.Open(name)
	if err != nil {
		return nil, fmt.Errorf("sherpa.model %s: %w", name, err)
	}
	if m.Use != speechmodel.UseTTS {
		return nil, fmt.Errorf("sherpa.model %s: is for %s, not for %s", name, m.Use, speechmodel.UseTTS)
	}
	p, err := loadInstances(sherpa.TTSConfig{
		Kind: m.Kind, Model: m.File("model"), Encoder: m.File("encoder"), Decoder: m.File("decoder"), Vocoder: m.File("vocoder"),
		Voices: m.File("voices"), Tokens: m.File("tokens"), Lexicon: m.Paths("lexicon"), DataDir: m.File("data_dir"),
		Rules: m.Paths("rule_fsts"), Threads: cfg.Threads,
	}, cfg.copies(), cfg.Queue)
	if err != nil {
		return nil, fmt.Errorf("sherpa.model %s: %w", name, err)
	}
	p.model = m
	if p.identity, err = modelIdentity(m); err != nil {
		p.close()
		return nil, fmt.Errorf("sherpa.model %s: %w", name, err)
	}
	return p, nil
}

// modelIdentity tells one version of a model from another: the manifest and
// the lock hold the checksums of all its files, which were compared.
func modelIdentity(m *speechmodel.Model) (string, error) {
	h := sha256.New()
	for _, name := range []string{speechmodel.ManifestName, speechmodel.LockName} {
		b, err := os.ReadFile(filepath.Join(m.Dir, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		h.Write(b)
		h.Write([]byte{0})
	}
	return m.Name + "@" + hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// Name is the engine's: which model speaks is in Identity, a model's name
// being free text and not fit for a metric.
func (e *sherpaEngine) Name() string { return EngineSherpa }

// Identity holds the models, the library, and what the voices are made of.
func (e *sherpaEngine) Identity() string {
	parts := []string{EngineSherpa, sherpa.Version()}
	for _, name := range slices.Sorted(maps.Keys(e.models)) {
		parts = append(parts, e.models[name].identity)
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q %v %v", e.cfg.Voice, e.cfg.StyleSpeeds, e.cfg.Voices) // fmt sorts maps
	for _, name := range slices.Sorted(maps.Keys(e.voices)) {
		// A recording under the same name may be another one.
		fmt.Fprintf(h, "%q %v", name, e.voices[name].voice.Reference)
	}
	return strings.Join(append(parts, hex.EncodeToString(h.Sum(nil)[:8])), "/")
}

func (e *sherpaEngine) Capabilities() Capabilities { return e.caps }

func (e *sherpaEngine) capabilities() Capabilities {
	c := Capabilities{SampleRates: []int{8000, 16000}, Parallel: e.cfg.copies()}
	for _, name := range slices.Sorted(maps.Keys(e.voices)) {
		if name != "" {
			c.Voices = append(c.Voices, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.models)) {
		for _, l := range e.models[name].model.Languages {
			if l = primary(l); !slices.Contains(c.Languages, l) {
				c.Languages = append(c.Languages, l)
			}
		}
	}
	return c
}

// Close ends what is spoken and frees the models.
func (e *sherpaEngine) Close() error {
	for _, m := range e.models {
		m.close()
	}
	return nil
}

func (e *sherpaEngine) Synthesize(ctx context.Context, r Request, emit Emit) (Result, error) {
	r = r.normalised()
	if err := checkRequest(r, e.caps); err != nil {
		return Result{}, err
	}
	s := e.speaker(r)
	leave, err := s.model.enter()
	if err != nil {
		return Result{}, err
	}
	defer leave()
	var res Result
	for _, sentence := range sentences(strings.ToValidUTF8(r.Text, "")) {
		text := s.reading(sentence, r)
		if !speakable(text) {
			continue
		}
		n, err := s.sentence(ctx, text, r, e.cfg.speed(r.style()), emit)
		res.Samples += n
		if err != nil {
			return res, err
		}
	}
	return res, nil
}

// sentence speaks one sentence and gives its pieces to emit.
func (s sherpaSpeaker) sentence(ctx context.Context, text string, r Request, style float64, emit Emit) (samples int, err error) {
	v := s.voice
	v.Speed = max(MinRate, min(MaxRate, v.Speed*r.Rate*style))
	var level leveller
	heard := false
	err = s.model.sentence(ctx, text, v, func(sound []float32) error {
		heard = true
		pcm := level.finish(fromFloat(sound), s.model.rate, r)
		if len(pcm) == 0 {
			return nil
		}
		samples += len(pcm)
		return emit(pcm)
	})
	if err == nil && !heard {
		err = errSilent
	}
	return samples, err
}

// reading is a sentence as this voice can speak it.
func (s sherpaSpeaker) reading(sentence string, r Request) string {
	text := reading(sentence, r.Language)
	if !slices.Contains(s.model.model.Languages, "en") {
		text = zhtext.SpellLetters(text)
	}
	return plainMarks(text)
}

// plainMarks keeps the punctuation that every voice knows, makes a comma of
// other marks that pause, and leaves out signs without a sound: the library
// would print them.
func plainMarks(text string) string {
	var b strings.Builder
	comma := true // none at the beginning, and no two in a row
	for _, c := range text {
		switch {
		case strings.ContainsRune("，。！？,.!?", c):
			comma = true
		case speakable(string(c)):
			comma = false
		case c == ' ', c == '\'':
		case isPause(c), isStop(c):
			if comma {
				continue
			}
			c, comma = '，', true
		default:
			continue
		}
		b.WriteRune(c)
	}
	return b.String()
}

// speakerName is how requests call a speaker without a configured voice.
func speakerName(n int) string { return "s" + strconv.Itoa(n) }

// loadVoices makes the configured voices, and one of each speaker of the
// main model.
func (e *sherpaEngine) loadVoices() error {
	var errs []error
	main := e.models[e.cfg.Model]
	if main.speakers > 1 {
		for n := range main.speakers {
			e.voices[speakerName(n)] = sherpaSpeaker{model: main, voice: sherpa.Voice{Speaker: n, Speed: 1}}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.cfg.Voices)) {
		s, err := e.configured(e.cfg.Voices[name])
		if err != nil {
			errs = append(errs, fmt.Errorf("sherpa.voices.%s: %w", name, err))
		}
		e.voices[name] = s
	}
	if own, ok := e.voices[e.cfg.Voice]; ok {
		e.voices[""] = own
	} else {
		e.voices[""] = sherpaSpeaker{model: main, voice: sherpa.Voice{Speed: 1}}
	}
	for name, s := range e.voices {
		if s.model.model.Kind == sherpa.TTSZipVoice && len(s.voice.Reference) == 0 {
			errs = append(errs, fmt.Errorf("sherpa.voices: the model %s speaks like a recording, and the voice %q has none", s.model.model.Name, name))
		}
	}
	return errors.Join(errs...)
}

func (e *sherpaEngine) configured(c SherpaVoice) (sherpaSpeaker, error) {
	m := e.models[cmp.Or(c.Model, e.cfg.Model)]
	if c.Speaker >= m.speakers {
		return sherpaSpeaker{model: m}, fmt.Errorf("speaker: must be 0 to %d, is %d", m.speakers-1, c.Speaker)
	}
	s := sherpaSpeaker{model: m, styles: map[string]string{}, voice: sherpa.Voice{
		Speaker: c.Speaker, Speed: cmp.Or(c.Speed, 1), ReferenceText: c.ReferenceText, Steps: c.Steps,
	}}
	for style, voice := range c.Styles {
		known, _ := ParseStyle(style)
		s.styles[string(known)] = voice
	}
	if c.Reference == "" {
		return s, nil
	}
	var err error
	s.voice.Reference, s.voice.ReferenceRate, err = readReference(c.Reference)
	return s, err
}

// maxReference bounds a recording to speak like; a few seconds are usual.
const maxReference = 30

// readReference reads a recording to speak like.
func readReference(path string) ([]float32, int, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("reference: %w", err)
	}
	defer func() { _ = f.Close() }()
	wav, err := audio.ReadWAV(f)
	if err != nil {
		return nil, 0, fmt.Errorf("reference: %w", err)
	}
	pcm := wav.Mono()
	if len(pcm) < wav.Rate || len(pcm) > maxReference*wav.Rate {
		return nil, 0, fmt.Errorf("reference: must be 1 to %d s, is %s", maxReference, audio.Duration(len(pcm), wav.Rate))
	}
	return toFloat(pcm), wav.Rate, nil
}

// speaker is who speaks a request.
func (e *sherpaEngine) speaker(r Request) sherpaSpeaker {
	s := e.voices[r.Voice]
	if other, ok := e.voices[s.styles[r.Style]]; ok && s.styles[r.Style] != "" {
		return other
	}
	return s
}
