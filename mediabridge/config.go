package mediabridge

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/tidegate/tidegate/internal/config"
)

// Config of the media bridge.
type Config struct {
	Listen          string        `koanf:"listen" help:"address of the fork websocket, HOST:PORT"`
	PublicURL       string        `koanf:"public_url" help:"base URL under which the switch reaches this bridge; empty means ws:// and the listening address"`
	ForkSecret      config.Secret `koanf:"fork_secret" help:"key of the tokens in fork addresses, shared with the orchestrator; at least 16 bytes"`
	MaxSessions     int           `koanf:"max_sessions" help:"calls at one time; more are refused with 503"`
	ReadLimit       int           `koanf:"read_limit" help:"largest message from the switch, in bytes"`
	MetadataTimeout time.Duration `koanf:"metadata_timeout" help:"time for the first frame, the metadata, to come"`
	IdleTimeout     time.Duration `koanf:"idle_timeout" help:"a fork that sends no audio for so long is closed"`
	PingInterval    time.Duration `koanf:"ping_interval" help:"pause between pings to the switch, which never pings"`
	PongTimeout     time.Duration `koanf:"pong_timeout" help:"a socket on which nothing came for so long is lost"`
	WriteTimeout    time.Duration `koanf:"write_timeout" help:"time limit of one websocket write"`
	DrainTimeout    time.Duration `koanf:"drain_timeout" help:"how long a drain waits for calls to end"`

	VAD            VADConfig     `koanf:"vad"`
	BargeIn        time.Duration `koanf:"barge_in" help:"speech that interrupts a prompt when the recogniser gives no partial texts; with them a word interrupts after vad.min_speech"`
	MinConfidence  float64       `koanf:"min_confidence" help:"confidence under which a text is taken for what a recogniser makes of noise, and does not interrupt; a text without one always counts"`
	Backchannels   []string      `koanf:"backchannels" help:"words by which callers show that they listen; alone they do not interrupt"`
	PreRoll        time.Duration `koanf:"pre_roll" help:"sound before the start of speech that the recogniser gets too"`
	Endpoint       time.Duration `koanf:"endpoint" help:"silence that ends a turn when the policy names none"`
	AnswerEndpoint time.Duration `koanf:"answer_endpoint" help:"silence that ends a turn whose partial text already answers the question"`
	NumberEndpoint time.Duration `koanf:"number_endpoint" help:"silence that ends a turn in the middle of a number"`
	MaxUtterance   time.Duration `koanf:"max_utterance" help:"longest utterance of a caller; then its turn ends"`
	FinalTimeout   time.Duration `koanf:"final_timeout" help:"time for the recogniser's final text after the end of a turn"`
	Lead           time.Duration `koanf:"lead" help:"how far play-out runs ahead of what is heard"`
	MaxPrompt      time.Duration `koanf:"max_prompt" help:"longest utterance that is played"`
	SpeechTimeout  time.Duration `koanf:"speech_timeout" help:"an utterance whose synthesis does not go on for so long fails"`
	SlotTimeout    time.Duration `koanf:"slot_timeout" help:"time limit for getting and connecting one speech slot"`
	SlotAnswer     time.Duration `koanf:"slot_answer" help:"a request for a slot that is not answered for so long is made again: it went to a worker that is dead"`
	SlotGrace      time.Duration `koanf:"slot_grace" help:"how long after the loss of a worker another one is asked for before the call goes on without"`
	SpeechPing     time.Duration `koanf:"speech_ping" help:"pause between pings to a speech worker"`
	SpeechPong     time.Duration `koanf:"speech_pong" help:"a speech worker of which nothing came for so long is lost"`
	HangTimeout    time.Duration `koanf:"hang_timeout" help:"a recogniser that owes the text of a turn for so long is left for another, which hears it again"`
	SlotRetry      time.Duration `koanf:"slot_retry" help:"first pause before asking for a slot again; doubles up to 16 times"`
}

// VADConfig sets the voice activity detector. Levels are in dBFS of one
// 20 ms frame; margins are over the noise floor, which follows the line.
type VADConfig struct {
	Engine      string        `koanf:"engine" help:"voice activity detector: silero, energy, or auto: silero where this build and the models have it"`
	Model       string        `koanf:"model" help:"file of the Silero VAD model; empty is the installed model silero_vad"`
	Threshold   float64       `koanf:"threshold" help:"probability from which the model calls a sound speech"`
	OnDBFS      float64       `koanf:"on_dbfs" help:"level at which speech begins on a quiet line"`
	OffDBFS     float64       `koanf:"off_dbfs" help:"level under which speech ends on a quiet line"`
	OnMarginDB  float64       `koanf:"on_margin_db" help:"speech begins so much over the noise floor"`
	OffMarginDB float64       `koanf:"off_margin_db" help:"speech ends under so much over the noise floor"`
	MinSpeech   time.Duration `koanf:"min_speech" help:"shorter sounds are not speech"`
	Hangover    time.Duration `koanf:"hangover" help:"shorter gaps are part of speech"`
}

// maxBackchannels bounds what every partial text is compared with.
const maxBackchannels = 200

// Defaults listen on this machine only; the secret has none.
func Defaults() Config {
	return Config{
		Listen: "127.0.0.1:8090", MaxSessions: 1000, ReadLimit: 64 << 10,
		MetadataTimeout: 5 * time.Second, IdleTimeout: 30 * time.Second,
		PingInterval: 10 * time.Second, PongTimeout: 25 * time.Second, WriteTimeout: 2 * time.Second,
		DrainTimeout: 10 * time.Minute,
		VAD: VADConfig{
			Engine: VADAuto, Threshold: 0.5, OnDBFS: -42, OffDBFS: -48, OnMarginDB: 12, OffMarginDB: 7,
			MinSpeech: 120 * time.Millisecond, Hangover: 100 * time.Millisecond,
		},
		BargeIn: 200 * time.Millisecond, MinConfidence: 0.45, PreRoll: 300 * time.Millisecond, Endpoint: 600 * time.Millisecond,
		AnswerEndpoint: 240 * time.Millisecond, NumberEndpoint: 1200 * time.Millisecond,
		Backchannels: []string{"嗯", "恩", "哦", "噢", "喔", "啊", "呃", "额", "唉", "诶", "欸", "对", "对的", "是", "是的", "是啊", "好", "好的", "行", "知道了", "明白", "的", "mhm", "uhhuh", "yeah", "yes", "okay", "ok", "right"},
		MaxUtterance: 20 * time.Second, FinalTimeout: 4 * time.Second,
		Lead: 320 * time.Millisecond, MaxPrompt: 2 * time.Minute, SpeechTimeout: 6 * time.Second,
		SlotTimeout: time.Second, SlotAnswer: 250 * time.Millisecond, SlotGrace: time.Second,
		SpeechPing: time.Second, SpeechPong: 4 * time.Second, HangTimeout: 2 * time.Second, SlotRetry: 250 * time.Millisecond,
	}
}

// Validate reports every field that cannot work.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	between := func(key string, d, low, high time.Duration) {
		if d < low || d > high {
			bad(key, "must be %s to %s, is %s", low, high, d)
		}
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		bad("listen", "must be HOST:PORT")
	}
	if c.PublicURL != "" {
		if u, err := url.Parse(c.PublicURL); err != nil || (u.Scheme != "ws" && u.Scheme != "wss") || u.Host == "" {
			bad("public_url", "must be a ws:// or wss:// address")
		}
	}
	if len(c.ForkSecret) < 16 {
		bad("fork_secret", "must have at least 16 bytes")
	}
	if c.MaxSessions < 1 {
		bad("max_sessions", "must be at least 1, is %d", c.MaxSessions)
	}
	if c.ReadLimit < 4096 || c.ReadLimit > 1<<20 {
		bad("read_limit", "must be 4096 to 1048576, is %d", c.ReadLimit)
	}
	ms, s, m := time.Millisecond, time.Second, time.Minute
	between("metadata_timeout", c.MetadataTimeout, 10*ms, m)
	between("idle_timeout", c.IdleTimeout, 10*ms, 24*time.Hour)
	between("ping_interval", c.PingInterval, 10*ms, 10*m)
	between("pong_timeout", c.PongTimeout, c.PingInterval, 30*m)
	between("write_timeout", c.WriteTimeout, 10*ms, m)
	between("drain_timeout", c.DrainTimeout, 0, 24*time.Hour)
	between("vad.min_speech", c.VAD.MinSpeech, frameTime, s)
	between("vad.hangover", c.VAD.Hangover, 0, s)
	between("barge_in", c.BargeIn, c.VAD.MinSpeech, 5*s)
	between("pre_roll", c.PreRoll, 0, 2*s)
	between("endpoint", c.Endpoint, 100*ms, 10*s)
	between("answer_endpoint", c.AnswerEndpoint, 100*ms, 10*s)
	between("number_endpoint", c.NumberEndpoint, 100*ms, 10*s)
	if c.MinConfidence < 0 || c.MinConfidence > 1 {
		bad("min_confidence", "must be 0 to 1, is %g", c.MinConfidence)
	}
	if len(c.Backchannels) > maxBackchannels {
		bad("backchannels", "must be at most %d words, are %d", maxBackchannels, len(c.Backchannels))
	}
	between("max_utterance", c.MaxUtterance, s, 2*m)
	between("final_timeout", c.FinalTimeout, 10*ms, m)
	between("lead", c.Lead, 240*ms, 2*s) // the module holds the first 160 ms, then 80
	between("max_prompt", c.MaxPrompt, s, 10*m)
	between("speech_timeout", c.SpeechTimeout, 10*ms, m)
	between("slot_timeout", c.SlotTimeout, 10*ms, m)
	between("slot_retry", c.SlotRetry, ms, m)
	between("slot_answer", c.SlotAnswer, ms, m)
	between("slot_grace", c.SlotGrace, 0, m)
	between("speech_ping", c.SpeechPing, 10*ms, m)
	between("speech_pong", c.SpeechPong, c.SpeechPing, 10*m)
	between("hang_timeout", c.HangTimeout, 10*ms, m)
	if e := c.VAD.Engine; e != VADAuto && e != VADSilero && e != VADEnergy {
		bad("vad.engine", "must be %s, %s or %s, is %.40q", VADAuto, VADSilero, VADEnergy, e)
	}
	if v := c.VAD.Threshold; v < 0.05 || v > 0.95 {
		bad("vad.threshold", "must be 0.05 to 0.95, is %g", v)
	}
	if v := c.VAD; v.OnDBFS <= v.OffDBFS || v.OnDBFS > 0 || v.OffDBFS < -90 {
		bad("vad.on_dbfs", "must be over vad.off_dbfs, and both -90 to 0")
	}
	if v := c.VAD; v.OnMarginDB <= v.OffMarginDB || v.OffMarginDB <= 0 {
		bad("vad.on_margin_db", "must be over vad.off_margin_db, and both over 0")
	}
	return errors.Join(errs...)
}
