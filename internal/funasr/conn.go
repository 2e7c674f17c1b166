package funasr

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/ws"
)

// Server is a kind of server. They differ in how an utterance ends and in
// whether hot words can change on a connection.
type Server int

// The kinds of servers. ServerAuto tells them apart by the subprotocol: the
// Python server chooses "binary" when it is offered, the runtime chooses
// none, and proxies pass either on.
const (
	ServerAuto Server = iota
	ServerRuntime
	ServerPython
)

func (s Server) String() string {
	switch s {
	case ServerRuntime:
		return "runtime"
	case ServerPython:
		return "python"
	default:
		return "auto"
	}
}

// Modes of recognition.
const (
	ModeTwoPass = "2pass"
	ModeOnline  = "online"
	ModeOffline = "offline"
)

// subprotocol is what FunASR's own clients offer.
const subprotocol = "binary"

// frameUnit: chunk sizes count in units of 60 ms.
const frameUnit = 60 * time.Millisecond

// Options of a connection.
type Options struct {
	URL    string // ws:// or wss://
	TLS    *tls.Config
	Server Server
	Mode   string
	// ChunkSize is look-back, chunk and look-ahead of the streaming model;
	// ChunkInterval divides a chunk into the messages that it is sent in.
	ChunkSize     [3]int
	ChunkInterval int
	Rate          int    // Hz of the sound
	ITN           bool   // numbers as digits
	Language      string // for SenseVoice models; empty lets the model find out
	// Time limits; zero values mean the defaults of package ws.
	HandshakeTimeout, WriteTimeout, PingInterval, PongTimeout time.Duration
}

// Frame is the length of one message of sound.
func (o Options) Frame() time.Duration {
	return frameUnit * time.Duration(o.ChunkSize[1]) / time.Duration(o.ChunkInterval)
}

// maxAnswer bounds one message of the server: the text of a minute with the
// times of all its characters has about 30 KB.
const maxAnswer = 256 << 10

// Conn is a connection to a server, used for one utterance after the other.
// One goroutine may write, another may read.
type Conn struct {
	ws     *ws.Conn
	opts   Options
	server Server
	frame  int // bytes
	l16    []byte
	name   string
	acked  bool // of the reader: this server says is_end
}

// Dial connects. Nothing is sent yet, as a runtime server takes hot words
// with the first message of a connection only.
func Dial(ctx context.Context, o Options) (*Conn, error) {
	c, err := ws.Dial(ctx, o.URL, ws.Options{
		Subprotocols: []string{subprotocol}, AnySubprotocol: true, TLS: o.TLS, ReadLimit: maxAnswer,
		HandshakeTimeout: o.HandshakeTimeout, WriteTimeout: o.WriteTimeout,
		PingInterval: o.PingInterval, PongTimeout: o.PongTimeout,
	})
	if err != nil {
		return nil, fmt.Errorf("funasr: %w", err)
	}
	server := o.Server
	if server == ServerAuto {
		server = ServerRuntime
		if c.Subprotocol() == subprotocol {
			server = ServerPython
		}
	}
	return &Conn{ws: c, opts: o, server: server, frame: 2 * audio.Samples(o.Frame(), o.Rate)}, nil
}

// Server is the kind of server at the other end.
func (c *Conn) Server() Server { return c.server }

// begin is the message before the sound of an utterance.
type begin struct {
	Mode            string `json:"mode"`
	Name            string `json:"wav_name"`
	Format          string `json:"wav_format"`
	Rate            int    `json:"audio_fs"`
	Speaking        bool   `json:"is_speaking"`
	ChunkSize       [3]int `json:"chunk_size"`
	ChunkInterval   int    `json:"chunk_interval"`
	EncoderLookBack int    `json:"encoder_chunk_look_back"`
	DecoderLookBack int    `json:"decoder_chunk_look_back"`
	Hotwords        string `json:"hotwords"`
	ITN             bool   `json:"itn"`
	Language        string `json:"svs_lang,omitempty"`
}

// Begin begins an utterance. The name comes back in its answers.
func (c *Conn) Begin(name string, h Hotwords) error {
	c.name, c.l16 = name, c.l16[:0]
	return c.ws.WriteJSON(begin{
		Mode: c.opts.Mode, Name: name, Format: "pcm", Rate: c.opts.Rate, Speaking: true,
		ChunkSize: c.opts.ChunkSize, ChunkInterval: c.opts.ChunkInterval,
		EncoderLookBack: 4, // as FunASR's own client sends
		Hotwords:        h.field(c.server), ITN: c.opts.ITN, Language: c.opts.Language,
	})
}

// Audio takes sound and sends it in messages of equal length: the Python
// server counts messages, not time.
func (c *Conn) Audio(pcm []int16) error {
	c.l16 = audio.AppendL16(c.l16, pcm)
	sent := 0
	for ; len(c.l16)-sent >= c.frame; sent += c.frame {
		if err := c.ws.WriteBinary(c.l16[sent : sent+c.frame]); err != nil {
			return err
		}
	}
	c.l16 = c.l16[:copy(c.l16, c.l16[sent:])]
	return nil
}

// end is the message after the sound of an utterance. A server that knows
// is_end answers with it; others ignore it.
type end struct {
	Name     string `json:"wav_name"`
	Speaking bool   `json:"is_speaking"`
	End      bool   `json:"is_end"`
}

// End ends the utterance, its last message filled up with silence.
func (c *Conn) End() error {
	if n := len(c.l16); n > 0 {
		c.l16 = append(c.l16, make([]byte, c.frame-n)...)
		err := c.ws.WriteBinary(c.l16)
		c.l16 = c.l16[:0]
		if err != nil {
			return err
		}
	}
	return c.ws.WriteJSON(end{Name: c.name, End: true})
}

// Read gives the next answer. After ErrAnswer the connection goes on; every
// other error is its end.
func (c *Conn) Read() (Answer, error) {
	kind, b, err := c.ws.Read()
	if err != nil {
		return Answer{}, err
	}
	if kind != ws.Text {
		return Answer{}, fmt.Errorf("%w: binary message", ErrAnswer)
	}
	a, err := Parse(b)
	if a.End {
		c.acked = true
	}
	return a, err
}

// Ending says what an answer means for the utterance it belongs to.
type Ending int

// The endings.
const (
	EndingNone     Ending = iota // more will come
	EndingPossible               // nothing more may come
	EndingCertain                // nothing more will come
)

// Ends says whether an answer is the last one of an utterance whose end has
// been sent; it belongs to the goroutine that reads.
//
// The runtime marks the last answer, also an empty one, with is_final and no
// other (websocket-server-2pass.cpp, do_decoder). The Python server says
// is_final of every sentence, and since 2026-07 is_end after the last one;
// older ones say nothing, and nothing at all when they heard no speech.
func (c *Conn) Ends(a Answer) Ending {
	switch {
	case a.Error != "", a.End:
		return EndingCertain
	case c.server == ServerRuntime && a.Final:
		return EndingCertain
	case c.server == ServerPython && !c.acked && (a.Pass == PassSecond || c.opts.Mode == ModeOnline):
		return EndingPossible
	default:
		return EndingNone
	}
}

// Close says goodbye.
func (c *Conn) Close() { _ = c.ws.Close(ws.CloseNormal, "") }

// Abort ends the connection at once; it may be called from anywhere.
func (c *Conn) Abort() { c.ws.Abort() }
