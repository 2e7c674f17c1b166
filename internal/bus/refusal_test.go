package bus

import (
	"testing"

	"github.com/nats-io/nats.go"
)

// However often a message is published again, it has the id that whoever
// asked gave it, or none.
func TestAMessageKeepsTheIDOfItsAsker(t *testing.T) {
	for name, c := range map[string]struct {
		h    nats.Header
		want string
	}{
		"first":                   {nats.Header{nats.MsgIdHdr: {"c:return:1"}}, "c:return:1"},
		"replayed":                {nats.Header{nats.MsgIdHdr: {"c:return:1.replay-17"}}, "c:return:1"},
		"left over":               {nats.Header{nats.MsgIdHdr: {"left:TIDEGATE_WORK:1:2"}, HeaderDeadID: {"c:return:1"}}, "c:return:1"},
		"left over, replayed":     {nats.Header{nats.MsgIdHdr: {"left:TIDEGATE_WORK:1:2"}, HeaderDeadID: {"c:return:1.replay-17"}}, "c:return:1"},
		"left over without an id": {nats.Header{nats.MsgIdHdr: {"left:TIDEGATE_WORK:1:2"}}, ""},
		"none":                    {nil, ""},
	} {
		if got := messageID(c.h); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
