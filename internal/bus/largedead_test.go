package bus_test

import (
	"bytes"
	"sync/atomic"
	"testing"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/schemas"
)

// The largest message that a stream takes, from whoever does not keep to our
// bound, fits into the dead letters with all that a letter says besides.
func TestTheLargestMessageBecomesALetter(t *testing.T) {
	ctx, srv := testContext(t), bustest.Start(t)
	b := srv.Connect("a")
	var mended atomic.Bool
	var done atomic.Int32
	bury(t, b, "ticket", &mended, &done)
	large := bytes.Repeat([]byte("x"), schemas.MaxMessageBytes+4096-len(schemas.SubjectTicketOpen))
	if err := srv.PublishRaw(ctx, schemas.SubjectTicketOpen, large); err != nil {
		t.Fatal(err)
	}
	waiting(t, b, 1)
	if l := deadLetters(t, b, bus.DeadFilter{}); len(l) != 1 || !bytes.Equal(l[0].Raw, large) {
		t.Errorf("%d letters", len(l))
	}
}
