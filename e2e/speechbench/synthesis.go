package main

import (
	"context"
	"fmt"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/speech"
	"github.com/tidegate/tidegate/workers/tts"
)

// prompts are what a synthesiser is asked to say: as long as an agent's
// sentences are, none twice.
var prompts = []string{
	"请问有什么可以帮您？", "您是想退十一月十四号买的羽绒服吗？", "请问是什么原因要退呢？", "货您已经收到了吗？", "好的，马上为您登记。",
	"跟您确认一下：退羽绒服，原因是尺码不合适，货已经收到，对吗？", "已经为您登记好了，单号是，五三九六，六幺六二。", "还有什么可以帮您？",
	"好的，感谢您的来电，再见。", "请说一下您的订单号，说后四位也可以。", "我们收到退货以后，一般一到三个工作日原路退款。", "不好意思，我没听明白。",
	"质量问题的话，来回运费都由我们承担，您不用出。", "查到了，是十一月七号买的护眼台灯。", "运费要看退货原因。您是因为什么要退呢？", "正在登记，请稍等。",
}

// firstSounds asks a worker, as a bridge does, to say each prompt twice, and
// gives the time from the request to the first sound: made anew, and kept.
func firstSounds(ctx context.Context, b *bus.Bus, cfg tts.Config) (made, kept spread, err error) {
	cfg.Server.Listen = "127.0.0.1:0"
	worker, err := tts.New(cfg, tts.Deps{Bus: b})
	if err != nil {
		return nil, nil, err
	}
	if err := worker.Start(ctx); err != nil {
		return nil, nil, err
	}
	defer func() { _ = worker.Stop(context.WithoutCancel(ctx)) }()
	conn, err := open(ctx, b, speech.TTS, schemas.SpeechMessage{CallID: "bench", Language: "zh-CN", SampleRate: 8000})
	if err != nil {
		return nil, nil, err
	}
	defer conn.Abort()
	stop := context.AfterFunc(ctx, conn.Abort)
	defer stop()
	for round, out := range []*spread{&made, &kept} {
		for i, text := range prompts {
			d, cached, err := firstSound(conn, fmt.Sprintf("%d-%d", round, i), text)
			if err != nil {
				return made, kept, err
			}
			if cached == (round == 1) {
				*out = append(*out, d)
			}
		}
	}
	return made, kept, nil
}

// open takes a place at a worker and begins a session.
func open(ctx context.Context, b *bus.Bus, kind speech.Kind, start schemas.SpeechMessage) (*ws.Conn, error) {
	m, err := b.Request(ctx, kind.Subject(), schemas.SlotAcquire{
		Kind: string(kind), CallID: start.CallID, Language: start.Language, SampleRate: start.SampleRate,
	}, schemas.ForCall(start.CallID))
	if err != nil {
		return nil, err
	}
	conn, err := ws.Dial(ctx, m.Data.(*schemas.SlotGranted).URL, ws.Options{Subprotocols: []string{kind.Subprotocol()}})
	if err != nil {
		return nil, err
	}
	start.Type = schemas.SpeechStart
	if err = conn.WriteJSON(start); err == nil {
		_, _, err = conn.Read() // ready
	}
	if err != nil {
		conn.Abort()
		return nil, err
	}
	return conn, nil
}

// firstSound asks for a sentence and reads it to its end.
func firstSound(conn *ws.Conn, id, text string) (first time.Duration, cached bool, err error) {
	began := time.Now()
	if err := conn.WriteJSON(schemas.SpeechMessage{Type: schemas.SpeechSynthesize, ID: id, Text: text, Language: "zh-CN"}); err != nil {
		return 0, false, err
	}
	for {
		kind, b, err := conn.Read()
		if err != nil {
			return 0, false, err
		}
		if kind == ws.Binary {
			if first == 0 {
				first = time.Since(began)
			}
			continue
		}
		var m schemas.SpeechMessage
		if err := schemas.DecodeStrict(schemas.SchemaSpeech, b, &m); err != nil {
			return 0, false, err
		}
		switch m.Type {
		case schemas.SpeechFinished:
			return first, m.Cached, nil
		case schemas.SpeechError:
			return 0, false, fmt.Errorf("synthesis: %s", m.Message)
		}
	}
}
