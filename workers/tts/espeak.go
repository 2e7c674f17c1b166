package tts

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/tidegate/tidegate/internal/audio"
)

// EngineEspeak is the name of the espeak-ng engine.
const EngineEspeak = "espeak"

// EspeakConfig says how the espeak-ng program is run.
type EspeakConfig struct {
	Path      string        `koanf:"path" help:"espeak-ng program; empty looks on the PATH"`
	Voice     string        `koanf:"voice" help:"voice variant used when a request names none, such as f2; empty is the program's own"`
	Speed     int           `koanf:"speed" help:"words a minute at rate 1"`
	Pitch     int           `koanf:"pitch" help:"pitch, 0 to 99"`
	Processes int           `koanf:"processes" help:"programs that run at once; 0 means one per core"`
	Timeout   time.Duration `koanf:"timeout" help:"time limit of one sentence"`
}

// Bounds of the program's speed option.
const (
	espeakMinSpeed = 80
	espeakMaxSpeed = 450
)

func (c EspeakConfig) validate() error {
	var errs []error
	if c.Voice != "" && !variantName.MatchString(c.Voice) {
		errs = append(errs, fmt.Errorf("espeak.voice: %.40q is no variant name", c.Voice))
	}
	if c.Speed < espeakMinSpeed || c.Speed > espeakMaxSpeed {
		errs = append(errs, fmt.Errorf("espeak.speed: must be %d to %d, is %d", espeakMinSpeed, espeakMaxSpeed, c.Speed))
	}
	if c.Pitch < 0 || c.Pitch > 99 {
		errs = append(errs, fmt.Errorf("espeak.pitch: must be 0 to 99, is %d", c.Pitch))
	}
	if c.Processes < 0 || c.Processes > 256 {
		errs = append(errs, fmt.Errorf("espeak.processes: must be 0 to 256, is %d", c.Processes))
	}
	if c.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("espeak.timeout: must be more than 0, is %s", c.Timeout))
	}
	return errors.Join(errs...)
}

// ErrEspeakMissing: the program is not installed.
var ErrEspeakMissing = errors.New("espeak-ng is not installed")

// variantName also keeps a voice from being read as an option or a path.
var variantName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$`)

// espeakVoices are the program's voices by primary language. Version 1.51
// reads Mandarin right only as pinyin with this voice; its voice cmn takes
// pinyin for English.
var espeakVoices = map[string]string{"": "cmn-latn-pinyin", "zh": "cmn-latn-pinyin", "cmn": "cmn-latn-pinyin", "en": "en-us"}

// espeak speaks through the espeak-ng program: one process per sentence, text
// on its standard input, WAV on its standard output.
type espeak struct {
	cfg      EspeakConfig
	path     string
	variants []string
	running  chan struct{}
}

func findEspeak(cfg EspeakConfig) (string, error) {
	name := cfg.Path
	if name == "" {
		name = "espeak-ng"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrEspeakMissing, err)
	}
	return path, nil
}

// newEspeak finds the program and asks it for its voice variants, which also
// shows that it runs.
func newEspeak(cfg EspeakConfig) (*espeak, error) {
	path, err := findEspeak(cfg)
	if err != nil {
		return nil, err
	}
	n := cfg.Processes
	if n == 0 {
		n = runtime.NumCPU()
	}
	e := &espeak{cfg: cfg, path: path, running: make(chan struct{}, n)}
	ctx, cancel := context.WithTimeout(context.Background(), cfg.Timeout)
	defer cancel()
	out, err := e.run(ctx, "", "--voices=variant")
	if err != nil {
		return nil, err
	}
	e.variants = parseVariants(string(out))
	if !e.Capabilities().HasVoice(cfg.Voice) {
		return nil, fmt.Errorf("espeak.voice: the program has no variant %q", cfg.Voice)
	}
	return e, nil
}

// parseVariants reads the table of --voices=variant; the file column holds
// !v/NAME.
func parseVariants(table string) []string {
	var out []string
	for line := range strings.Lines(table) {
		for _, field := range strings.Fields(line) {
			if name, ok := strings.CutPrefix(field, "!v/"); ok && variantName.MatchString(name) {
				out = append(out, name)
			}
		}
	}
	return out
}

func (e *espeak) Name() string { return EngineEspeak }

func (e *espeak) Capabilities() Capabilities {
	return Capabilities{
		Languages: []string{"zh", "cmn", "en"}, SampleRates: []int{8000, 16000}, Voices: e.variants, Parallel: cap(e.running),
	}
}

// Identity holds the settings that every request is spoken with, and what
// tells one version of the program from another.
func (e *espeak) Identity() string {
	version := "unknown"
	if info, err := os.Stat(e.path); err == nil {
		version = fmt.Sprintf("%d-%d", info.Size(), info.ModTime().Unix())
	}
	return fmt.Sprintf("%s/%s/%s/%d/%d", EngineEspeak, version, e.cfg.Voice, e.cfg.Speed, e.cfg.Pitch)
}

func (e *espeak) Close() error { return nil }

func (e *espeak) Synthesize(ctx context.Context, r Request, emit Emit) (Result, error) {
	r = r.normalised()
	if err := checkRequest(r, e.Capabilities()); err != nil {
		return Result{}, err
	}
	var res Result
	for _, sentence := range sentences(strings.ToValidUTF8(r.Text, "")) {
		pcm, err := e.sentence(ctx, sentence, r)
		if err != nil {
			return res, err
		}
		if len(pcm) == 0 {
			continue
		}
		if err := emit(pcm); err != nil {
			return res, err
		}
		res.Samples += len(pcm)
	}
	return res, nil
}

// sentence is the sound of one sentence, at the rate and loudness asked for.
func (e *espeak) sentence(ctx context.Context, sentence string, r Request) ([]int16, error) {
	text := espeakText(sentence, primary(r.Language))
	if text == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, e.cfg.Timeout)
	defer cancel()
	out, err := e.run(ctx, text, e.arguments(r)...)
	if err != nil {
		return nil, err
	}
	wav, err := audio.ReadWAV(bytes.NewReader(sizedWAV(out)))
	if err != nil {
		return nil, fmt.Errorf("espeak-ng output: %w", err)
	}
	return new(leveller).finish(wav.Mono(), wav.Rate, r), nil
}

// sizedWAV writes the real sizes into the header: on a pipe the program does
// not know them and writes 0x7FFFF000 for the sound.
func sizedWAV(b []byte) []byte {
	const header = 44
	if len(b) >= header && string(b[36:40]) == "data" {
		binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-8))
		binary.LittleEndian.PutUint32(b[40:], uint32(len(b)-header))
	}
	return b
}

func (e *espeak) arguments(r Request) []string {
	voice := espeakVoices[primary(r.Language)]
	if variant := cmp.Or(r.Voice, e.cfg.Voice); variant != "" {
		voice += "+" + variant
	}
	how := manners[r.style()]
	speed := int(math.Round(float64(e.cfg.Speed) * r.Rate * how.speed))
	speed = max(espeakMinSpeed, min(espeakMaxSpeed, speed))
	pitch := max(0, min(99, e.cfg.Pitch+how.pitch))
	return []string{
		"-v", voice, "-s", strconv.Itoa(speed), "-p", strconv.Itoa(pitch),
		"-b", "1", "--stdin", "--stdout", // 1: the text is UTF-8
	}
}

// maxEspeakOutput bounds the sound of one sentence: a minute and a half.
const maxEspeakOutput = 4 << 20

var errEspeakOutput = errors.New("output over the size limit")

// boundedBuffer takes output up to the limit, then ends the program: one
// that nobody reads from would wait for its time limit. The buffer is no
// embedded one, whose ReadFrom would go round the limit.
type boundedBuffer struct {
	buf  bytes.Buffer
	over bool
	end  context.CancelFunc
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if b.buf.Len()+len(p) > maxEspeakOutput {
		b.over = true
		b.end()
		return 0, errEspeakOutput
	}
	return b.buf.Write(p)
}

// run runs the program when there is room for one more, and gives its
// output. What the program prints about the text is not repeated in errors.
func (e *espeak) run(ctx context.Context, text string, args ...string) ([]byte, error) {
	select {
	case e.running <- struct{}{}:
		defer func() { <-e.running }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: waited for other sentences: %w", ErrOverloaded, ctx.Err())
	}
	running, end := context.WithCancel(ctx)
	defer end()
	out := boundedBuffer{end: end}
	cmd := exec.CommandContext(running, e.path, args...)
	cmd.Stdin, cmd.Stdout = strings.NewReader(text), &out
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		switch {
		case out.over:
			err = errEspeakOutput
		case ctx.Err() != nil:
			err = ctx.Err()
		}
		return nil, fmt.Errorf("espeak-ng: %w", err)
	}
	return out.buf.Bytes(), nil
}

// espeakText is what the program gets to read: pinyin, or English without
// the characters that mean something to it ([[phonemes]], SSML). Empty when
// nothing in it can be spoken.
func espeakText(sentence, language string) string {
	if language != "en" {
		p := pinyinText(reading(sentence, language))
		if !strings.ContainsFunc(p, unicode.IsLetter) {
			return ""
		}
		return p + "\n"
	}
	clean := strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune("[]<>&{}|\\", r), unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Han, r):
			return -1
		default:
			return r
		}
	}, sentence)
	if !strings.ContainsFunc(clean, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		return ""
	}
	return clean + "\n"
}
