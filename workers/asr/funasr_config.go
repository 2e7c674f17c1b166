package asr

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/dialect"
	"github.com/tidegate/tidegate/internal/funasr"
	"github.com/tidegate/tidegate/workers/speech"
)

// FunASRConfig says which FunASR servers are asked, and how.
type FunASRConfig struct {
	URLs           []string      `koanf:"urls" help:"ws://HOST:PORT or wss://HOST:PORT of the FunASR servers; each stream goes to the one with the fewest"`
	Server         string        `koanf:"server" help:"kind of server: runtime (C++), python, or auto, which tells by the handshake"`
	Mode           string        `koanf:"mode" help:"2pass (partials, then the sentence once more), online (partials only) or offline (whole sentences only)"`
	ChunkSize      []string      `koanf:"chunk_size" help:"look-back, chunk and look-ahead of the streaming model, in units of 60 ms"`
	ChunkInterval  int           `koanf:"chunk_interval" help:"messages that a chunk is sent in"`
	SampleRate     int           `koanf:"sample_rate" help:"Hz of the sound sent, that of the server's model; calls are resampled to it"`
	HotwordWeight  int           `koanf:"hotword_weight" help:"weight of the words to expect, 1 to 100; 0 sends none"`
	ITN            bool          `koanf:"itn" help:"let the server write numbers as digits; the dialogue reads spoken ones by itself"`
	Language       string        `koanf:"language" help:"language that a SenseVoice model is told: zh, yue, en, ja, ko; empty: it finds out"`
	Languages      []string      `koanf:"languages" help:"languages that the server's model knows; empty: any"`
	Dialects       []string      `koanf:"dialects" help:"dialects that the server's model knows, as docs/dialects.md names them"`
	CAFile         string        `koanf:"ca_file" help:"certificates (PEM) to trust besides the system's"`
	ServerName     string        `koanf:"server_name" help:"name in the servers' certificate when it is not the address's"`
	ConnectTimeout time.Duration `koanf:"connect_timeout" help:"time limit of one connection attempt"`
	FinalTimeout   time.Duration `koanf:"final_timeout" help:"from the end of speech to the last answer; then what is known counts, or the utterance fails"`
	Settle         time.Duration `koanf:"settle" help:"time after the last answer of a server that marks no end (Python servers before 2026-07)"`
	WriteTimeout   time.Duration `koanf:"write_timeout" help:"time limit of one websocket write"`
	Cooldown       time.Duration `koanf:"cooldown" help:"how long a server that failed twice is not asked"`
}

func funasrDefaults() FunASRConfig {
	return FunASRConfig{
		Server: "auto", Mode: funasr.ModeTwoPass, ChunkSize: []string{"5", "10", "5"}, ChunkInterval: 10, SampleRate: 16000,
		HotwordWeight: 20, Languages: []string{"zh", "en"},
		ConnectTimeout: 400 * time.Millisecond, FinalTimeout: 2 * time.Second, Settle: 500 * time.Millisecond,
		WriteTimeout: 2 * time.Second, Cooldown: 5 * time.Second,
	}
}

var funasrServers = map[string]funasr.Server{
	"auto": funasr.ServerAuto, "runtime": funasr.ServerRuntime, "python": funasr.ServerPython,
}

var funasrLanguages = []string{"", "auto", "zh", "yue", "en", "ja", "ko"}

func (c FunASRConfig) validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("funasr."+key+": "+format, args...))
	}
	if len(c.URLs) == 0 {
		bad("urls", "is needed by the engine %s", EngineFunASR)
	}
	for _, u := range c.URLs {
		if err := checkWebsocketURL(u); err != nil {
			bad("urls", "%w", err)
		}
	}
	if _, ok := funasrServers[c.Server]; !ok {
		bad("server", "must be auto, runtime or python, is %.40q", c.Server)
	}
	if !slices.Contains([]string{funasr.ModeTwoPass, funasr.ModeOnline, funasr.ModeOffline}, c.Mode) {
		bad("mode", "must be 2pass, online or offline, is %.40q", c.Mode)
	}
	if size, err := c.chunkSize(); err != nil {
		bad("chunk_size", "%w", err)
	} else if frame := (funasr.Options{ChunkSize: size, ChunkInterval: max(1, c.ChunkInterval)}).Frame(); frame < 10*time.Millisecond {
		bad("chunk_interval", "makes messages of %s, at least 10ms", frame)
	}
	if c.ChunkInterval < 1 || c.ChunkInterval > 100 {
		bad("chunk_interval", "must be 1 to 100, is %d", c.ChunkInterval)
	}
	if c.SampleRate != 8000 && c.SampleRate != 16000 {
		bad("sample_rate", "must be 8000 or 16000, is %d", c.SampleRate)
	}
	if c.HotwordWeight < 0 || c.HotwordWeight > funasr.MaxHotwordWeight {
		bad("hotword_weight", "must be 0 to %d, is %d", funasr.MaxHotwordWeight, c.HotwordWeight)
	}
	if !slices.Contains(funasrLanguages, c.Language) {
		bad("language", "must be one of %s, is %.40q", strings.Join(funasrLanguages[1:], ", "), c.Language)
	}
	for _, id := range c.Dialects {
		if !dialect.Known(id) {
			bad("dialects", "unknown dialect %.32q", id)
		}
	}
	if _, err := speech.TLS(c.CAFile, c.ServerName); err != nil {
		errs = append(errs, fmt.Errorf("funasr.%w", err))
	}
	limit := func(key string, d, least, most time.Duration) {
		if d < least || d > most {
			bad(key, "must be %s to %s, is %s", least, most, d)
		}
	}
	limit("connect_timeout", c.ConnectTimeout, 10*time.Millisecond, time.Minute)
	limit("final_timeout", c.FinalTimeout, 100*time.Millisecond, time.Minute)
	limit("settle", c.Settle, 10*time.Millisecond, 10*time.Second)
	limit("write_timeout", c.WriteTimeout, 100*time.Millisecond, time.Minute)
	limit("cooldown", c.Cooldown, 100*time.Millisecond, time.Hour)
	return errors.Join(errs...)
}

// chunkSize reads the three numbers.
func (c FunASRConfig) chunkSize() (size [3]int, err error) {
	if len(c.ChunkSize) != len(size) {
		return size, fmt.Errorf("must be three numbers, is %.40q", strings.Join(c.ChunkSize, ","))
	}
	for i, s := range c.ChunkSize {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 || n > 100 || i == 1 && n == 0 {
			return size, fmt.Errorf("must be three numbers up to 100, the second not 0, is %.40q", strings.Join(c.ChunkSize, ","))
		}
		size[i] = n
	}
	return size, nil
}

func checkWebsocketURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return errors.New("is no address") // the error would quote what may hold a password
	case u.Scheme != "ws" && u.Scheme != "wss":
		return errors.New("must begin with ws:// or wss://")
	case u.Host == "":
		return errors.New("names no host")
	default:
		return nil
	}
}
