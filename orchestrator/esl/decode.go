package esl

import (
	"encoding/json"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// fields are the headers of an event or reply as eslgo leaves them: canonical names, percent-encoded values.
type fields textproto.MIMEHeader

func (f fields) value(name string) string {
	raw := textproto.MIMEHeader(f).Get(name)
	if !strings.Contains(raw, "%") {
		return raw
	}
	v, err := url.PathUnescape(raw)
	if err != nil {
		return raw
	}
	return v
}

func (f fields) number(name string) int {
	n, err := strconv.Atoi(f.value(name))
	if err != nil {
		return 0
	}
	return n
}

func (f fields) seconds(name string) time.Duration {
	n := f.number(name)
	if n < 0 || n > 1<<31 {
		return 0
	}
	return time.Duration(n) * time.Second
}

func (f fields) stamp() Stamp {
	seq, _ := strconv.ParseUint(f.value("Event-Sequence"), 10, 64)
	s := Stamp{CoreUUID: f.value("Core-UUID"), Sequence: seq, ChannelID: f.value("Unique-ID")}
	if us, err := strconv.ParseInt(f.value("Event-Date-Timestamp"), 10, 64); err == nil && us > 0 {
		s.Time = time.UnixMicro(us).UTC()
	}
	return s
}

// kindOther is the label of events that nothing here waits for.
const kindOther = "other"

// eventKinds are the labels of the event counter, and the names decode knows.
var eventKinds = []string{
	"CHANNEL_ANSWER", "DTMF", "CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE", "CHANNEL_EXECUTE_COMPLETE",
	"PLAYBACK_START", "PLAYBACK_STOP", "RECORD_START", "RECORD_STOP", "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE",
	"HEARTBEAT", "BACKGROUND_JOB", "SHUTDOWN",
	"callcenter::info", "mod_audio_fork::connect", "mod_audio_fork::connect_failed",
	"mod_audio_fork::disconnect", "mod_audio_fork::json", "mod_audio_fork::play_audio", kindOther,
}

// decode gives the event that headers and body stand for; ok is false for those that nobody waits for.
// Missing and unreadable fields are zero values, never an error: an event must not be lost over a field.
func decode(f fields, body []byte) (ev Event, kind string, ok bool) {
	kind = f.value("Event-Name")
	if kind == "CUSTOM" {
		kind = f.value("Event-Subclass")
		ev = decodeCustom(kind, f, body)
	} else {
		ev = decodeCore(kind, f, body)
	}
	if ev == nil {
		return nil, kindOther, false
	}
	return ev, kind, true
}

func decodeCore(kind string, f fields, body []byte) Event {
	s := f.stamp()
	switch kind {
	case "CHANNEL_ANSWER":
		return Answered{Stamp: s}
	case "DTMF":
		return DTMF{Stamp: s, Digit: f.value("DTMF-Digit"), Duration: samples(f.number("DTMF-Duration")), Source: f.value("DTMF-Source")}
	case "CHANNEL_HANGUP":
		return HungUp{Stamp: s, Cause: f.value("Hangup-Cause"), Q850: f.q850()}
	case "CHANNEL_HANGUP_COMPLETE":
		return HangupComplete{
			Stamp: s, Cause: f.value("Hangup-Cause"), Q850: f.q850(), Disposition: f.value("variable_sip_hangup_disposition"),
			Billed: f.seconds("variable_billsec"), Duration: f.seconds("variable_duration"), vars: f,
		}
	case "CHANNEL_EXECUTE_COMPLETE":
		done := ExecuteComplete{Stamp: s, EventUUID: f.value("Application-UUID"), App: f.value("Application"), Response: f.value("Application-Response")}
		if done.App == "bridge" {
			done.Dialled = f.value("variable_originate_disposition")
		}
		return done
	case "PLAYBACK_START":
		return PlaybackStarted{Stamp: s, File: f.value("Playback-File-Path")}
	case "PLAYBACK_STOP":
		return PlaybackStopped{Stamp: s, File: f.value("Playback-File-Path"), Done: f.value("Playback-Status") == "done"}
	case "RECORD_START":
		return RecordStarted{Stamp: s, File: f.value("Record-File-Path")}
	case "RECORD_STOP":
		return RecordStopped{Stamp: s, File: f.value("Record-File-Path")}
	case "CHANNEL_BRIDGE":
		return Bridged{Stamp: s, OtherID: f.otherLeg(s.ChannelID), OtherNumber: f.value("Other-Leg-Destination-Number")}
	case "CHANNEL_UNBRIDGE":
		return Unbridged{Stamp: s, OtherID: f.otherLeg(s.ChannelID), Cause: f.value("Hangup-Cause")}
	case "HEARTBEAT":
		return f.heartbeat(s)
	case "BACKGROUND_JOB":
		text := strings.TrimRight(string(body), "\r\n")
		return BackgroundJob{Stamp: s, JobUUID: f.value("Job-UUID"), Command: f.value("Job-Command"), OK: !refusal(text), Result: text}
	case "SHUTDOWN":
		return ShuttingDown{Stamp: s}
	}
	return nil
}

func decodeCustom(kind string, f fields, body []byte) Event {
	s := f.stamp()
	switch kind {
	case "mod_audio_fork::connect":
		return ForkConnected{Stamp: s}
	case "mod_audio_fork::connect_failed":
		var told struct {
			Reason string `json:"reason"`
		}
		if json.Unmarshal(body, &told) != nil {
			told.Reason = string(body)
		}
		return ForkFailed{Stamp: s, Reason: told.Reason}
	case "mod_audio_fork::disconnect":
		return ForkDisconnected{Stamp: s, Dropped: len(body) == 0}
	case "mod_audio_fork::json":
		return ForkMessage{Stamp: s, JSON: json.RawMessage(body)}
	case "mod_audio_fork::play_audio":
		var told struct {
			File        string  `json:"file"`
			ContentType string  `json:"audioContentType"`
			SampleRate  float64 `json:"sampleRate"`
		}
		_ = json.Unmarshal(body, &told)
		return PlayAudio{Stamp: s, File: told.File, ContentType: told.ContentType, SampleRate: int(told.SampleRate), JSON: json.RawMessage(body)}
	case "callcenter::info":
		return CallcenterInfo{
			Stamp: s, Action: f.value("CC-Action"), Queue: f.value("CC-Queue"), Agent: f.value("CC-Agent"),
			Cause: f.value("CC-Cause"), MemberUUID: f.value("CC-Member-UUID"), Count: f.number("CC-Count"),
		}
	}
	return nil
}

func (f fields) heartbeat(s Stamp) Heartbeat {
	rate, _ := strconv.ParseFloat(f.value("Session-Per-Sec"), 64)
	idle, _ := strconv.ParseFloat(f.value("Idle-CPU"), 64)
	up, _ := strconv.ParseInt(f.value("Uptime-msec"), 10, 64)
	return Heartbeat{
		Stamp: s, Sessions: f.number("Session-Count"), MaxSessions: f.number("Max-Sessions"),
		SessionsPerSecond: rate, IdleCPU: idle, Uptime: time.Duration(up) * time.Millisecond,
	}
}

// q850 prefers the number that the switch worked out, and falls back to its cause's name: CHANNEL_HANGUP
// comes before the variables are set.
func (f fields) q850() int {
	if n := f.number("variable_hangup_cause_q850"); n > 0 {
		return n
	}
	return CauseValue(f.value("Hangup-Cause"))
}

// otherLeg: bridge events name both legs, and Other-Leg-Unique-ID only while the profile is linked.
func (f fields) otherLeg(own string) string {
	a, b := f.value("Bridge-A-Unique-ID"), f.value("Bridge-B-Unique-ID")
	switch {
	case a == own && b != "":
		return b
	case b == own && a != "":
		return a
	}
	return f.value("Other-Leg-Unique-ID")
}

// samples: DTMF-Duration counts at 8,000 Hz whatever the codec (SWITCH_DEFAULT_DTMF_DURATION is 2000).
func samples(n int) time.Duration {
	if n < 0 || n > 1<<24 {
		return 0
	}
	return time.Duration(n) * time.Second / 8000
}
