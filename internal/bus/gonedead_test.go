package bus_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/schemas"
)

// Whoever reads the letters while another run takes them away comes to an end,
// also when those that it has not been sent yet are gone, the last one included.
func TestReadingEndsWhenAnotherTakesTheLetters(t *testing.T) {
	srv := bustest.Start(t)
	b, other := srv.Connect("a"), srv.Connect("b")
	ctx, cancel := context.WithTimeout(testContext(t), 20*time.Second)
	defer cancel()
	const letters = 700 // a client is sent 500 ahead
	for i := range letters {
		if err := srv.PublishRaw(ctx, schemas.SubjectDead(schemas.SubjectTicketOpen), fmt.Appendf(nil, "letter %d", i)); err != nil {
			t.Fatal(err)
		}
	}
	read := 0
	err := b.EachDeadLetter(ctx, bus.DeadFilter{}, func(l bus.DeadLetter) error {
		if read++; read > 1 {
			return nil
		}
		for sequence := l.Sequence; sequence < l.Sequence+letters; sequence++ {
			if err := other.DropDeadLetter(ctx, sequence); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || read == 0 || read >= letters {
		t.Errorf("%d letters, %v", read, err)
	}
}
