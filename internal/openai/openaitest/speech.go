package openaitest

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/tidegate/tidegate/internal/audio"
)

func (s *Server) speech(w http.ResponseWriter, r *http.Request, fault Fault) {
	var ask Speech
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil || ask.Model == "" || ask.Input == "" || ask.Voice == "" {
		failure(w, http.StatusBadRequest, "bad_request", "model, input and voice are needed")
		return
	}
	s.mu.Lock()
	s.speeches = append(s.speeches, ask)
	s.mu.Unlock()
	if ask.Format != "pcm" || ask.Speed != 0 && (ask.Speed < 0.25 || ask.Speed > 4) {
		failure(w, http.StatusUnprocessableEntity, "bad_field", "response_format or speed")
		return
	}
	pcm := s.sound(ask)
	l16 := audio.AppendL16(nil, pcm)
	kind := s.cfg.ContentType
	if kind == "" {
		kind = "audio/pcm"
	}
	switch fault {
	case FaultMalformed:
		var b bytes.Buffer
		_ = audio.WriteWAV(&b, audio.WAV{Rate: s.cfg.Rate, Channels: 1, Samples: pcm})
		l16, kind = b.Bytes(), "application/octet-stream"
	case FaultText:
		l16, kind = []byte("\xff\xfb\x90\x00"), "audio/mpeg"
	case FaultInStream:
		l16 = nil
	}
	w.Header().Set("Content-Type", kind)
	s.parts(w, r, l16, fault)
}

func (s *Server) sound(ask Speech) []int16 {
	if s.cfg.Speak != nil {
		return s.cfg.Speak(ask)
	}
	speed := ask.Speed
	if speed == 0 {
		speed = 1
	}
	d := time.Duration(float64(utf8.RuneCountInString(ask.Input)) * 200e6 / speed)
	return audio.Tone(400, d, s.cfg.Rate, 0.3)
}

// parts writes sound as it would be made: part by part.
func (s *Server) parts(w http.ResponseWriter, r *http.Request, l16 []byte, fault Fault) {
	flush := http.NewResponseController(w).Flush
	written := 0
	for len(l16) > 0 {
		n := min(s.cfg.Part, len(l16))
		if _, err := w.Write(l16[:n]); err != nil {
			return
		}
		_ = flush()
		written += n
		if fault != FaultOversize { // which never ends
			l16 = l16[n:]
		}
		if fault == FaultStall {
			s.wait(r, time.Hour)
			return
		}
		if fault == FaultCutOff && written > 20_000 {
			panic(http.ErrAbortHandler)
		}
		if !s.wait(r, s.cfg.Delay) {
			return
		}
	}
}

func certificatePEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}
