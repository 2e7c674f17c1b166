package esl

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Reply is what the switch answered to a command.
type Reply struct {
	Text      string // without the line end
	EventUUID string // of an executed application: ExecuteComplete carries the same
	JobUUID   string // of a background job: BackgroundJob carries the same
}

// Bug is something attached to a channel's media.
type Bug struct {
	Function string // for mod_audio_fork the name given at start
	Target   string
}

// ParseBugs reads the answer to BugList (switch_core_media_bug_enumerate).
func ParseBugs(answer string) ([]Bug, error) {
	if strings.TrimSpace(answer) == "" || strings.HasPrefix(answer, "+OK") {
		return nil, nil
	}
	var list struct {
		Bugs []struct {
			Function string `xml:"function"`
			Target   string `xml:"target"`
		} `xml:"media-bug"`
	}
	if end := strings.Index(answer, "</media-bugs>"); end >= 0 {
		answer = answer[:end+len("</media-bugs>")]
	}
	if err := xml.Unmarshal([]byte(answer), &list); err != nil {
		return nil, fmt.Errorf("%w: list of media bugs: %w", ErrMalformed, err)
	}
	bugs := make([]Bug, 0, len(list.Bugs))
	for _, b := range list.Bugs {
		bugs = append(bugs, Bug{Function: b.Function, Target: b.Target})
	}
	return bugs, nil
}

// ParseDump reads the answer to UUIDDump: one "name: value" per line, values percent-encoded.
func ParseDump(answer string) map[string]string {
	dump := make(map[string]string)
	for line := range strings.SplitSeq(answer, "\n") {
		name, value, ok := strings.Cut(strings.TrimRight(line, "\r"), ": ")
		if !ok {
			continue
		}
		if v, err := url.PathUnescape(value); err == nil {
			value = v
		}
		dump[name] = value
	}
	return dump
}

// ForkModule says which mod_audio_fork a node has loaded.
type ForkModule int

// The kinds of mod_audio_fork.
const (
	ForkUnknown   ForkModule = iota
	ForkNone                 // not loaded
	ForkFiles                // drachtio's: audio comes back as files to be played
	ForkStreaming            // jambonz's: audio comes back as binary frames
)

// String names the module's kind.
func (m ForkModule) String() string {
	switch m {
	case ForkNone:
		return "none"
	case ForkFiles:
		return "files"
	case ForkStreaming:
		return "streaming"
	}
	return "unknown"
}

// ParseForkProbe reads the answer to AudioForkProbe.
func ParseForkProbe(answer string) ForkModule {
	switch {
	case strings.Contains(answer, "bidirectionalAudio"):
		return ForkStreaming
	case strings.HasPrefix(answer, "-USAGE"):
		return ForkFiles
	case strings.Contains(answer, "not found"):
		return ForkNone
	}
	return ForkUnknown
}

// ChannelRow is one line of "show channels".
type ChannelRow struct {
	UUID         string
	Direction    string // inbound, outbound
	Created      time.Time
	State        string // CS_EXECUTE, ...
	CallState    string // RINGING, ACTIVE, HELD, ...
	Application  string
	CallerNumber string
	CallerName   string
	Destination  string
	Hostname     string
	CallUUID     string
}

// ParseChannels reads the answer to ShowChannels. Without calls FreeSWITCH leaves the rows out.
func ParseChannels(answer string) ([]ChannelRow, error) {
	var list struct {
		Count int `json:"row_count"`
		Rows  []struct {
			UUID         string `json:"uuid"`
			Direction    string `json:"direction"`
			CreatedEpoch string `json:"created_epoch"`
			State        string `json:"state"`
			CallState    string `json:"callstate"`
			Application  string `json:"application"`
			Number       string `json:"cid_num"`
			Name         string `json:"cid_name"`
			Destination  string `json:"dest"`
			Hostname     string `json:"hostname"`
			CallUUID     string `json:"call_uuid"`
		} `json:"rows"`
	}
	if err := json.Unmarshal([]byte(answer), &list); err != nil {
		return nil, fmt.Errorf("%w: list of channels: %w", ErrMalformed, err)
	}
	rows := make([]ChannelRow, 0, len(list.Rows))
	for _, r := range list.Rows {
		row := ChannelRow{
			UUID: r.UUID, Direction: r.Direction, State: r.State, CallState: r.CallState, Application: r.Application,
			CallerNumber: r.Number, CallerName: r.Name, Destination: r.Destination, Hostname: r.Hostname, CallUUID: r.CallUUID,
		}
		var sec int64
		if _, err := fmt.Sscanf(r.CreatedEpoch, "%d", &sec); err == nil && sec > 0 {
			row.Created = time.Unix(sec, 0)
		}
		rows = append(rows, row)
	}
	return rows, nil
}
