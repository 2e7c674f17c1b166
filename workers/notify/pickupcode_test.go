package notify_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/workers/notify"
)

// A pick-up code has a few digits: whoever has the database, and not its keys,
// must not find it by trying all of them.
func TestAPickupCodeIsNotFoundByTryingAll(t *testing.T) {
	r := newRig(t, storetest.SQLite(t), true)
	s := r.start(quick(), nil)
	tk := r.ticket(request("call-1"))
	r.returned(tk, "RMA-77", "杭州市余杭区文一西路969号3号仓")
	for range 2 {
		if status, body := post(t, s, "acme/pickup-codes", `{"rma":"RMA-77","code":"4821"}`); status != 200 {
			t.Fatal(status, body)
		}
	}
	r.ended(tk, 3)
	list, err := r.db.NotificationsOfTicket(storetest.Context(t), tk.ID)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, n := range list {
		if n.Event != notify.EventPickup {
			continue
		}
		told++
		for i := range 10000 {
			sum := sha256.Sum256(fmt.Appendf(nil, "%04d", i))
			for _, digest := range []string{hex.EncodeToString(sum[:]), hex.EncodeToString(sum[:8])} {
				if strings.Contains(n.Occurrence, digest) || n.ID == store.NotifyID(tk.ID, n.Event, digest, n.Channel) {
					t.Fatalf("the code is %04d", i)
				}
			}
		}
	}
	if told != 1 {
		t.Errorf("%d notifications of a code, want 1", told)
	}
}
