package sipua

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// Codec is the name of an audio codec as in an rtpmap.
type Codec string

// The codecs spoken here, with their static payload types (RFC 3551).
const (
	PCMU Codec = "PCMU"
	PCMA Codec = "PCMA"
)

const (
	payloadPCMU     = 0
	payloadPCMA     = 8
	payloadEvent    = 101 // what we offer; an answer uses the offerer's number
	maxSDP          = 8 << 10
	eventClock      = 8000
	samplesPerFrame = 160
)

// Errors of offer and answer.
var (
	ErrSDP           = errors.New("sip: unreadable session description")
	ErrNoCommonCodec = errors.New("sip: no common codec")
)

type direction uint8

const (
	sendRecv direction = iota
	sendOnly
	recvOnly
	inactive
)

func (d direction) String() string {
	return [...]string{"sendrecv", "sendonly", "recvonly", "inactive"}[d]
}

// answerTo gives our direction for theirs (RFC 3264 section 6.1).
func (d direction) answer() direction {
	switch d {
	case sendOnly:
		return recvOnly
	case recvOnly:
		return sendOnly
	default:
		return d
	}
}

func (d direction) sends() bool { return d == sendRecv || d == sendOnly }

// offeredCodec is one audio format of the far end.
type offeredCodec struct {
	codec   Codec
	payload uint8
}

// description is what the far end's session description says about audio.
type description struct {
	remote  netip.AddrPort
	codecs  []offeredCodec
	event   uint8 // payload type of telephone-event; 0: none
	dir     direction
	index   int      // which m-line is the audio
	skipped []string // media and protocol of every other m-line, in order, to refuse
}

// parseSDP reads the first audio line over RTP/AVP.
func parseSDP(body []byte) (description, error) {
	if len(body) == 0 || len(body) > maxSDP {
		return description{}, fmt.Errorf("%w: %d bytes", ErrSDP, len(body))
	}
	var session sdp.SessionDescription
	if err := session.Unmarshal(body); err != nil {
		return description{}, fmt.Errorf("%w: %w", ErrSDP, err)
	}
	if len(session.MediaDescriptions) > 16 {
		return description{}, fmt.Errorf("%w: %d media lines", ErrSDP, len(session.MediaDescriptions))
	}
	found := description{index: -1}
	for i, media := range session.MediaDescriptions {
		name := media.MediaName
		proto := strings.Join(name.Protos, "/")
		if found.index < 0 && name.Media == "audio" && proto == "RTP/AVP" && name.Port.Value > 0 && name.Port.Value < 65536 {
			if err := found.readAudio(&session, media); err != nil {
				return description{}, err
			}
			found.index = i
			continue
		}
		format := "0"
		if len(name.Formats) > 0 {
			format = name.Formats[0]
		}
		found.skipped = append(found.skipped, name.Media+" 0 "+proto+" "+format)
	}
	if found.index < 0 {
		return description{}, fmt.Errorf("%w: no audio over RTP/AVP", ErrNoCommonCodec)
	}
	return found, nil
}

func (d *description) readAudio(session *sdp.SessionDescription, media *sdp.MediaDescription) error {
	address := session.ConnectionInformation
	if media.ConnectionInformation != nil {
		address = media.ConnectionInformation
	}
	if address == nil || address.Address == nil {
		return fmt.Errorf("%w: no connection address", ErrSDP)
	}
	ip, err := netip.ParseAddr(address.Address.Address)
	if err != nil {
		return fmt.Errorf("%w: connection address: %w", ErrSDP, err)
	}
	d.remote = netip.AddrPortFrom(ip.Unmap(), uint16(media.MediaName.Port.Value))
	d.dir = readDirection(session.Attributes, media.Attributes)
	if ip.IsUnspecified() { // the old way to hold (RFC 3264 section 8.4)
		d.dir = inactive
	}
	names := readRtpmaps(media.Attributes)
	for _, format := range media.MediaName.Formats {
		number, err := strconv.ParseUint(format, 10, 7)
		if err != nil {
			continue
		}
		payload := uint8(number)
		name, mapped := names[payload]
		switch {
		case name == "PCMA/8000", payload == payloadPCMA && !mapped:
			d.codecs = append(d.codecs, offeredCodec{PCMA, payload})
		case name == "PCMU/8000", payload == payloadPCMU && !mapped:
			d.codecs = append(d.codecs, offeredCodec{PCMU, payload})
		case name == "TELEPHONE-EVENT/8000" && d.event == 0 && payload >= 96:
			d.event = payload
		}
	}
	return nil
}

func readDirection(levels ...[]sdp.Attribute) direction {
	dir := sendRecv
	for _, attributes := range levels {
		for _, a := range attributes {
			switch a.Key {
			case "sendrecv":
				dir = sendRecv
			case "sendonly":
				dir = sendOnly
			case "recvonly":
				dir = recvOnly
			case "inactive":
				dir = inactive
			}
		}
	}
	return dir
}

// readRtpmaps maps payload types to upper-case NAME/RATE.
func readRtpmaps(attributes []sdp.Attribute) map[uint8]string {
	names := make(map[uint8]string)
	for _, a := range attributes {
		if a.Key != "rtpmap" {
			continue
		}
		number, name, ok := strings.Cut(a.Value, " ")
		payload, err := strconv.ParseUint(number, 10, 7)
		if !ok || err != nil {
			continue
		}
		name = strings.ToUpper(strings.TrimSpace(name))
		names[uint8(payload)] = strings.TrimSuffix(name, "/1")
	}
	return names
}

// choose picks the first codec of the far end that is ours too.
func (d description) choose(ours []Codec) (offeredCodec, error) {
	for _, theirs := range d.codecs {
		for _, codec := range ours {
			if theirs.codec == codec {
				return theirs, nil
			}
		}
	}
	return offeredCodec{}, ErrNoCommonCodec
}

// localSession is our side of the description.
type localSession struct {
	id, version uint64
	addr        netip.AddrPort
	dir         direction
	codecs      []offeredCodec
	event       uint8
	index       int
	skipped     []string
}

func (l localSession) encode() []byte {
	family := "IP4"
	if l.addr.Addr().Is6() {
		family = "IP6"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "v=0\r\no=tidegate %d %d IN %s %s\r\ns=call\r\nc=IN %s %s\r\nt=0 0\r\n",
		l.id, l.version, family, l.addr.Addr(), family, l.addr.Addr())
	skipped := l.skipped
	for i := 0; i < l.index && len(skipped) > 0; i++ {
		fmt.Fprintf(&b, "m=%s\r\n", skipped[0])
		skipped = skipped[1:]
	}
	l.encodeAudio(&b)
	for _, line := range skipped {
		fmt.Fprintf(&b, "m=%s\r\n", line)
	}
	return []byte(b.String())
}

func (l localSession) encodeAudio(b *strings.Builder) {
	fmt.Fprintf(b, "m=audio %d RTP/AVP", l.addr.Port())
	for _, c := range l.codecs {
		fmt.Fprintf(b, " %d", c.payload)
	}
	if l.event != 0 {
		fmt.Fprintf(b, " %d", l.event)
	}
	b.WriteString("\r\n")
	for _, c := range l.codecs {
		fmt.Fprintf(b, "a=rtpmap:%d %s/8000\r\n", c.payload, c.codec)
	}
	if l.event != 0 {
		fmt.Fprintf(b, "a=rtpmap:%d telephone-event/8000\r\na=fmtp:%d 0-15\r\n", l.event, l.event)
	}
	fmt.Fprintf(b, "a=ptime:20\r\na=%s\r\n", l.dir)
}

// offered gives payload types for our own codecs in our order.
func offered(codecs []Codec) []offeredCodec {
	out := make([]offeredCodec, 0, len(codecs))
	for _, c := range codecs {
		switch c {
		case PCMA:
			out = append(out, offeredCodec{PCMA, payloadPCMA})
		case PCMU:
			out = append(out, offeredCodec{PCMU, payloadPCMU})
		}
	}
	return out
}
