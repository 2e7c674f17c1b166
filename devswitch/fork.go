package devswitch

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/ws"
)

const (
	forkQueue   = 100 // messages: two seconds of frames
	forkPayload = 8 << 20
	forkProto   = "audio.drachtio.org"
)

// forkSpec is what uuid_audio_fork start asks for.
type forkSpec struct {
	url, bug, metadata string
	mix                string // mono, mixed, stereo
	rate               int
	bidirectional      bool
	streaming          bool
	streamRate         int
}

type forkMessage struct {
	text bool
	body []byte
}

// fork is one media bug of mod_audio_fork: a websocket client beside a channel.
// Its goroutines are the reader and the writer; hear, wrote and dub run on the
// channel's goroutine.
type fork struct {
	c    *channel
	spec forkSpec
	out  chan forkMessage
	quit chan struct{}
	done chan struct{}
	once sync.Once

	up, down *audio.Resampler // towards the server, when its rate is not ours

	mu        sync.Mutex
	conn      *ws.Conn
	connected bool
	paused    bool
	graceful  bool
	overrun   bool
	play      *playout
	files     []string
	played    int
	final     string
}

func newFork(c *channel, spec forkSpec) *fork {
	f := &fork{
		c: c, spec: spec, out: make(chan forkMessage, forkQueue),
		quit: make(chan struct{}), done: make(chan struct{}), play: newPlayout(spec.streamRate),
	}
	if spec.rate != 8000 {
		f.up, f.down = audio.NewResampler(8000, spec.rate), audio.NewResampler(8000, spec.rate)
	}
	return f
}

// connect runs the websocket until it ends. The bug outlives it.
func (f *fork) connect() {
	defer close(f.done)
	defer f.removeFiles()
	header := http.Header{}
	if user := f.c.variable("MOD_AUDIO_BASIC_AUTH_USERNAME"); user != "" {
		pair := user + ":" + f.c.variable("MOD_AUDIO_BASIC_AUTH_PASSWORD")
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	}
	ctx, cancel := context.WithTimeout(f.c.s.ctx, 5*time.Second)
	defer cancel()
	conn, err := ws.Dial(ctx, f.spec.url, ws.Options{Subprotocols: []string{forkProto}, ReadLimit: forkPayload, Header: header})
	if err != nil {
		f.c.s.m.forks.WithLabelValues("failed").Inc()
		reason, _ := json.Marshal(map[string]string{"reason": forkFailure(err)})
		f.c.fireCustom("mod_audio_fork::connect_failed", string(reason))
		return
	}
	f.mu.Lock()
	f.conn, f.connected = conn, true
	f.mu.Unlock()
	f.c.s.m.forks.WithLabelValues("connected").Inc()
	f.c.fireCustom("mod_audio_fork::connect", "")
	var writer sync.WaitGroup
	writer.Go(func() { f.write(conn) })
	f.read(conn)
	f.mu.Lock()
	f.connected = false
	f.mu.Unlock()
	select {
	case <-f.quit:
	default:
		f.c.s.m.forks.WithLabelValues("dropped").Inc()
		f.c.fireCustom("mod_audio_fork::disconnect", "")
	}
	f.once.Do(func() { close(f.quit) })
	writer.Wait()
}

// forkFailure is the reason as the module words it.
func forkFailure(err error) string {
	var handshake *ws.HandshakeError
	if errors.As(err, &handshake) {
		return strings.ReplaceAll(err.Error(), `"`, "'")
	}
	return "connection failed"
}

func (f *fork) write(conn *ws.Conn) {
	if f.spec.metadata != "" && conn.WriteText([]byte(f.spec.metadata)) != nil {
		return
	}
	for {
		select {
		case m := <-f.out:
			if m.text {
				_ = conn.WriteText(m.body)
			} else if conn.WriteBinary(m.body) != nil {
				return
			}
		case <-f.quit:
			f.finish(conn)
			return
		}
	}
}

// finish sends what is queued and the final text, then closes.
func (f *fork) finish(conn *ws.Conn) {
	for len(f.out) > 0 {
		if m := <-f.out; m.text {
			_ = conn.WriteText(m.body)
		} else {
			_ = conn.WriteBinary(m.body)
		}
	}
	f.mu.Lock()
	final := f.final
	f.mu.Unlock()
	if final != "" {
		_ = conn.WriteText([]byte(final))
	}
	_ = conn.Close(ws.CloseNormal, "")
}

func (f *fork) read(conn *ws.Conn) {
	for {
		kind, body, err := conn.Read()
		if err != nil {
			return
		}
		if kind == ws.Binary {
			f.mu.Lock()
			if f.spec.bidirectional && f.spec.streaming {
				f.play.push(body)
			}
			f.mu.Unlock()
			continue
		}
		f.command(body)
	}
}

// command takes a text message of the server.
func (f *fork) command(body []byte) {
	var m struct {
		Type string          `json:"type"`
		Data json.RawMessage `json:"data"`
	}
	if json.Unmarshal(body, &m) != nil {
		return
	}
	switch m.Type {
	case "playAudio":
		if f.spec.bidirectional && !f.spec.streaming {
			f.playFile(m.Data)
		}
	case "killAudio":
		f.c.fireCustom("mod_audio_fork::kill_audio", "")
		f.mu.Lock()
		f.play.clear = true
		f.mu.Unlock()
		f.c.post(func() { f.c.breaking = true })
	case "mark":
		var mark struct {
			Name string `json:"name"`
		}
		if json.Unmarshal(m.Data, &mark) == nil && mark.Name != "" {
			f.mu.Lock()
			f.play.mark(mark.Name)
			f.mu.Unlock()
		}
	case "clearMarks":
		f.mu.Lock()
		f.play.clearMarks()
		f.mu.Unlock()
	case "json":
		f.c.fireCustom("mod_audio_fork::json", compact(body))
	case "transcription", "transfer", "disconnect", "error":
		f.c.fireCustom("mod_audio_fork::"+m.Type, compact(m.Data))
	}
}

func compact(b []byte) string {
	var out bytes.Buffer
	if json.Compact(&out, b) != nil {
		return ""
	}
	return out.String()
}

// playFile writes playAudio's sound to a temporary file and says where it is;
// the controller plays it.
func (f *fork) playFile(data json.RawMessage) {
	var fields map[string]any
	if json.Unmarshal(data, &fields) != nil {
		return
	}
	content, _ := fields["audioContent"].(string)
	delete(fields, "audioContent")
	suffix := ""
	switch kind, _ := fields["audioContentType"].(string); kind {
	case "raw":
		suffix = ".r16"
		if rate, ok := fields["sampleRate"].(float64); ok && rate >= 8000 && rate <= 64000 {
			suffix = ".r" + strconv.Itoa(int(rate)/1000)
		}
	case "wav", "wave":
		suffix = ".wav"
	}
	if raw, err := base64.StdEncoding.DecodeString(content); err == nil && suffix != "" {
		f.mu.Lock()
		name := filepath.Join(f.c.s.cfg.TempDir, f.c.id+"_"+strconv.Itoa(f.played)+".tmp"+suffix)
		f.played++
		f.files = append(f.files, name)
		f.mu.Unlock()
		if os.WriteFile(name, raw, 0o600) == nil {
			fields["file"] = name
		}
	}
	out, _ := json.Marshal(fields)
	f.c.fireCustom("mod_audio_fork::play_audio", string(out))
}

// removeFiles runs when the bug is gone, not when its websocket is: files may
// still be playing.
func (f *fork) removeFiles() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.final == "" && !f.c.up() {
		for _, name := range f.files {
			_ = os.Remove(name)
		}
		f.files = nil
	}
}

// queue hands a message to the writer; when the server is slow, frames go.
func (f *fork) queue(m forkMessage) bool {
	select {
	case f.out <- m:
		return true
	default:
		f.c.s.m.forkDrops.Inc()
		return false
	}
}

func (f *fork) hearing() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.connected && !f.paused && !f.graceful
}

// hear takes a frame of the caller.
func (f *fork) hear(pcm []int16) {
	if f.spec.mix == "mono" && f.hearing() {
		f.sendPCM(f.rated(f.up, pcm))
	}
}

// wrote takes both sides, for the mixes that need them.
func (f *fork) wrote(in, out []int16) {
	if f.spec.mix == "mono" || len(in) != len(out) || !f.hearing() {
		return
	}
	a, b := f.rated(f.up, in), f.rated(f.down, out)
	n := min(len(a), len(b))
	mixed := make([]int16, 0, 2*n)
	for i := range n {
		if f.spec.mix == "stereo" {
			mixed = append(mixed, a[i], b[i])
		} else {
			mixed = append(mixed, add(a[i], b[i]))
		}
	}
	f.sendPCM(mixed)
}

func (f *fork) rated(r *audio.Resampler, pcm []int16) []int16 {
	if r == nil {
		return pcm
	}
	return r.Process(nil, pcm)
}

func (f *fork) sendPCM(pcm []int16) {
	if len(pcm) == 0 || f.queue(forkMessage{body: audio.AppendL16(nil, pcm)}) {
		return
	}
	f.mu.Lock()
	told := f.overrun
	f.overrun = true
	f.mu.Unlock()
	if !told {
		f.c.fireCustom("mod_audio_fork::buffer_overrun", "")
	}
}

// dub mixes the server's sound into an outgoing frame.
func (f *fork) dub(pcm []int16) []int16 {
	if !f.spec.bidirectional || !f.spec.streaming {
		return pcm
	}
	f.mu.Lock()
	sound, said := f.play.take(len(pcm))
	f.mu.Unlock()
	for _, text := range said {
		f.queue(forkMessage{text: true, body: []byte(text)})
	}
	if len(sound) == 0 {
		return pcm
	}
	out := append([]int16(nil), pcm...)
	for i, v := range sound {
		out[i] = add(out[i], v)
	}
	return out
}

// close ends the websocket, with a last text if there is one.
func (f *fork) close(text string) {
	f.mu.Lock()
	f.final = text
	conn, connected := f.conn, f.connected
	f.mu.Unlock()
	f.once.Do(func() { close(f.quit) })
	if conn == nil || !connected {
		return
	}
	f.c.s.spawn(func() { // a server that does not answer the close must not hold the channel
		select {
		case <-f.done:
		case <-time.After(2 * time.Second):
			conn.Abort()
		}
	})
}

// wait returns when the websocket's goroutines have ended, or soon.
func (f *fork) wait() {
	select {
	case <-f.done:
	case <-time.After(50 * time.Millisecond):
	}
}
