package mediabridge

import (
	"encoding/base64"
	"fmt"
	"time"

	"github.com/tidegate/tidegate/schemas"
)

// keptEvents is how many reliable events a session keeps for MediaSync.
const keptEvents = 32

// sideFrame is a text frame that FreeSWITCH hands to the controller as
// CUSTOM mod_audio_fork::json.
type sideFrame struct {
	Type string              `json:"type"`
	Data schemas.SideMessage `json:"data"`
}

// record is one reliable event.
type record struct {
	seq  uint64
	data any
}

// journal publishes a session's events and keeps the newest reliable ones.
type journal struct {
	s       *session
	subject string
	session string // makes ids of two sessions of a call different
	seq     uint64
	kept    []record
}

func newJournal(s *session, call string, now time.Time) journal {
	return journal{s: s, subject: schemas.SubjectMediaEvent(call), session: schemas.NewID(now)}
}

// stamp is the head of the next reliable event.
func (j *journal) stamp() schemas.MediaEvent {
	j.seq++
	return schemas.MediaEvent{CallID: j.s.call, Seq: j.seq, AtMS: j.s.clockMS}
}

// reliable publishes an event that carries the newest stamp.
func (j *journal) reliable(data any) {
	r := record{seq: j.seq, data: data}
	if len(j.kept) == keptEvents {
		j.kept = append(j.kept[:0], j.kept[1:]...)
	}
	j.kept = append(j.kept, r)
	j.send(r, j.s.svc.bus.Connected())
}

// partial publishes an event that nobody misses.
func (j *journal) partial(data any) {
	if !j.s.svc.bus.Connected() {
		return // it would come late, after its final
	}
	if err := j.s.svc.bus.Publish(j.subject, data, schemas.ForCall(j.s.call)); err != nil {
		j.s.svc.metrics.publishFail.Inc()
	}
}

// send puts an event on the bus, which keeps it for a while when it is away,
// and then through the switch as well. The receiver knows repeats by seq.
func (j *journal) send(r record, connected bool) {
	id := fmt.Sprintf("%s-%s-%d", j.s.call, j.session, r.seq) // the same when it is sent again
	err := j.s.svc.bus.Publish(j.subject, r.data, schemas.ForCall(j.s.call), schemas.WithID(id))
	if err != nil {
		j.s.svc.metrics.publishFail.Inc()
		j.s.log.Warn("event not published", "error", err)
	}
	if err != nil || !connected {
		j.side(r.data, schemas.WithID(id))
	}
}

// side sends a bus message through the switch.
func (j *journal) side(data any, opts ...schemas.Option) {
	raw, err := schemas.Encode(j.s.svc.bus.Source(), j.s.svc.now(), data, append(opts, schemas.ForCall(j.s.call))...)
	if err != nil {
		j.s.log.Error("event not encoded", "error", err)
		return
	}
	j.s.svc.metrics.side.WithLabelValues("out").Inc()
	j.s.sendJSON(sideFrame{"json", schemas.SideMessage{Type: "tidegate", Envelope: base64.StdEncoding.EncodeToString(raw)}})
}

// after gives the kept events with a higher number, in order.
func (j *journal) after(seq uint64) []record {
	for i, r := range j.kept {
		if r.seq > seq {
			return j.kept[i:]
		}
	}
	return nil
}
