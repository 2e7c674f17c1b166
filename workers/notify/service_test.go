package notify_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/outbox"
	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/notify"
)

func TestACallerIsToldOnceOfEachThing(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			dsn := make(t)
			r := newRig(t, dsn, true)
			s := r.start(quick(), nil)
			tk := r.ticket(request("call-1"))
			n := r.ended(tk, 1)
			if n.State != store.NotifySent || n.GatewayID != "gw-"+n.ID || n.Attempts != 1 || n.Event != notify.EventOpened {
				t.Errorf("notification %+v", n)
			}
			got := r.gateway.delivered("")
			if want := "您的退货申请收到了，工单号" + tk.Number + "。拒收请回复R"; len(got) != 1 || got[0].To != "+8613800138001" || got[0].Text != want {
				t.Fatalf("delivered %+v, want %s", got, want)
			}
			r.returned(tk, "RMA-77", "杭州市余杭区文一西路969号3号仓")
			if n := r.ended(tk, 2); n.State != store.NotifySent || n.Event != notify.EventReturn {
				t.Errorf("notification %+v", n)
			}
			// The code comes twice, and another one after it.
			for _, code := range []string{"8-2-3306", "8-2-3306", "8-2-9999"} {
				if status, body := post(t, s, "acme/pickup-codes", fmt.Sprintf(`{"rma":"RMA-77","code":%q}`, code)); status != 200 {
					t.Fatal(status, body)
				}
			}
			r.ended(tk, 4)
			r.resolve(tk)
			if n := r.ended(tk, 5); n.State != store.NotifySent || n.Event != "status_resolved" {
				t.Errorf("notification %+v", n)
			}
			for range 3 {
				r.again(tk)
			}
			tk2 := r.ticket(request("call-2")) // behind the repeats
			r.ended(tk2, 1)
			var texts []string
			for _, m := range r.gateway.delivered("") {
				texts = append(texts, m.Text)
			}
			want := []string{
				"您的退货申请收到了，工单号" + tk.Number + "。拒收请回复R", "请寄到杭州市余杭区文一西路969号3号仓，写上退货号RMA-77。拒收请回复R",
				"快递员上门时，请报取件码8-2-3306。拒收请回复R", "快递员上门时，请报取件码8-2-9999。拒收请回复R",
				"工单" + tk.Number + "处理好了，有问题请再打给我们。拒收请回复R", "您的退货申请收到了，工单号" + tk2.Number + "。拒收请回复R",
			}
			// Codes that come at once are sent at once, in either order.
			sortTwo(texts, 2)
			if fmt.Sprint(texts) != fmt.Sprint(want) {
				t.Errorf("texts\n%s\nwant\n%s", strings.Join(texts, "\n"), strings.Join(want, "\n"))
			}
			if err := s.Ready(); err != nil {
				t.Error(err)
			}
			if err := s.Drain(storetest.Context(t)); err != nil {
				t.Error(err)
			}
			if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
				nothingInTheClear(t, path, "13800138001", "8-2-3306")
			}
		})
	}
}

func sortTwo(list []string, i int) {
	if len(list) > i+1 && list[i] > list[i+1] {
		list[i], list[i+1] = list[i+1], list[i]
	}
}

func nothingInTheClear(t *testing.T, path string, secrets ...string) {
	t.Helper()
	for _, file := range []string{path, path + "-wal"} {
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for _, s := range secrets {
			if bytes.Contains(b, []byte(s)) {
				t.Errorf("%s holds %s", file, s)
			}
		}
	}
}

// returned has the order system make a return for a ticket, and publishes the
// fact.
func (r *rig) returned(tk store.Ticket, number, address string) {
	r.t.Helper()
	ctx := storetest.Context(r.t)
	w := store.OMSWrite{
		IdempotencyKey: tk.IdempotencyKey, Tenant: "acme", Kind: "return", TicketID: tk.ID, TicketNumber: tk.Number, CallID: tk.CallID, OrderNumber: tk.OrderNumber,
		RequestedAt: time.Now(),
	}
	work := schemas.ReturnCreate{CallID: tk.CallID, IdempotencyKey: tk.IdempotencyKey, OrderNumber: tk.OrderNumber, Kind: schemas.ReturnForRefund, RequestedAt: time.Now()}
	if _, err := r.db.RequestOMSWrite(ctx, store.OMSWriteRequest{Write: w, Subject: schemas.SubjectReturnCreate, Work: work}); err != nil {
		r.t.Fatal(err)
	}
	fact := schemas.ReturnCreated{
		CallID: tk.CallID, IdempotencyKey: tk.IdempotencyKey, OrderNumber: tk.OrderNumber, Number: number, Status: schemas.WriteDone, Address: address, CreatedAt: time.Now(),
	}
	_, err := r.db.EndOMSWrite(ctx, tk.IdempotencyKey, store.OMSWriteEnd{
		Status: store.OMSWriteDone, Number: number, Address: address, Event: "return_created", Subject: schemas.SubjectOMSFact(tk.CallID, "return_created"), Fact: &fact,
	})
	if err == nil {
		err = outbox.Publish(ctx, r.bus, r.db, store.OMSMessageID("return_created", tk.IdempotencyKey))
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) resolve(tk store.Ticket) {
	r.t.Helper()
	ctx, status := storetest.Context(r.t), schemas.StatusResolved
	changed, err := r.db.ChangeTicket(ctx, tk.ID, store.TicketChange{By: "wang", Status: &status})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, id := range changed.Facts {
		if err := outbox.Publish(ctx, r.bus, r.db, id); err != nil {
			r.t.Fatal(err)
		}
	}
}

// post sends a signed message.
func post(t testing.TB, s *notify.Service, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+s.Addr()+"/v1/notify/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if err := (restcall.Signing{Secret: restcall.Secret{Env: "SMS_REPLIES_KEY"}}).Sign(r, schemas.NewID(time.Now()), time.Now(), []byte(body)); err != nil {
		t.Fatal(err)
	}
	return do(t, r)
}

func do(t testing.TB, r *http.Request) (int, string) {
	t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var b bytes.Buffer
	_, _ = b.ReadFrom(res.Body)
	return res.StatusCode, b.String()
}

// Whatever the gateway does to requests, nobody is told twice, and where it
// takes repeats for one, everybody is told; two workers share the work.
func TestNobodyIsToldTwice(t *testing.T) {
	for _, idempotent := range []bool{true, false} {
		t.Run(fmt.Sprint("idempotent ", idempotent), func(t *testing.T) {
			r := newRig(t, storetest.SQLite(t), idempotent)
			faults := []fault{away, tooMany, failed, sentFail, proxied, hangs, sentHang, cut, garbage, limited, denied, fine, fine}
			var mu sync.Mutex
			random, left := rand.New(rand.NewPCG(11, 26)), 90
			r.gateway.fail(func(*http.Request) fault {
				mu.Lock()
				defer mu.Unlock()
				if left--; left < 0 {
					return fine
				}
				return faults[random.IntN(len(faults))]
			})
			cfg := quick()
			cfg.MaxAttempts = 100
			r.start(cfg, nil)
			r.start(cfg, func(notify.Point) error { return nil })
			var tickets []store.Ticket
			for i := range 40 {
				tickets = append(tickets, r.ticket(request(fmt.Sprint("call-", i))))
			}
			for _, tk := range tickets {
				r.again(tk)
			}
			states := map[store.NotifyState]int{}
			for _, tk := range tickets {
				n := r.ended(tk, 1)
				states[n.State]++
				got := len(r.gateway.delivered(n.ID))
				switch {
				case got > 1:
					t.Errorf("%s: told %d times", tk.CallID, got)
				case n.State == store.NotifySent && got != 1:
					t.Errorf("%s: %s, and told %d times", tk.CallID, n.State, got)
				case idempotent && n.State != store.NotifySent, n.State != store.NotifySent && n.State != store.NotifyUnknown:
					t.Errorf("%s: %s %s", tk.CallID, n.State, n.Reason)
				}
			}
			t.Logf("%v, %d requests", states, r.gateway.requests())
			if !idempotent && states[store.NotifyUnknown] == 0 {
				t.Error("no answer was lost: this shows nothing")
			}
			if n := len(r.dead.List()); n != 0 {
				t.Errorf("%d dead letters", n)
			}
		})
	}
}

// A proxy in between says 503 also when it lost the gateway's answer; 429 says
// that there were too many, and nothing else.
func TestAProxysAnswerIsNoPromise(t *testing.T) {
	for f, want := range map[fault]store.NotifyState{proxied: store.NotifyUnknown, away: store.NotifyUnknown, tooMany: store.NotifySent} {
		t.Run(string(f), func(t *testing.T) {
			r := newRig(t, storetest.SQLite(t), false)
			r.start(quick(), nil)
			var once sync.Once
			r.gateway.fail(func(*http.Request) (now fault) {
				once.Do(func() { now = f })
				return now
			})
			n := r.ended(r.ticket(request("call-1")), 1)
			if got := len(r.gateway.delivered(n.ID)); n.State != want || got > 1 {
				t.Errorf("%s (%s), told %d times; want %s", n.State, n.Reason, got, want)
			}
		})
	}
}

var errDies = errors.New("dies here")

// A worker dies at each point; another one goes on.
func TestWorkersDie(t *testing.T) {
	for _, point := range []notify.Point{notify.PointPlanned, notify.PointBegun, notify.PointSent, notify.PointNoted} {
		for _, idempotent := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, idempotent %v", point, idempotent), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, storetest.SQLite(t), idempotent)
				cfg := quick()
				// A worker that is only slow must not count as dead.
				cfg.SendTimeout, cfg.AckWait = 4500*time.Millisecond, 5*time.Second
				var once sync.Once
				died := make(chan struct{})
				r.start(cfg, func(p notify.Point) (err error) {
					if p == point {
						once.Do(func() { close(died); err = errDies })
					}
					return err
				})
				tk := r.ticket(request("call-1"))
				select {
				case <-died:
				case <-time.After(60 * time.Second):
					t.Fatal("it was never reached")
				}
				n := r.ended(tk, 1)
				// Between the note that a request is made and the note of what
				// became of it, nobody knows.
				want, told := store.NotifySent, 1
				if !idempotent && (point == notify.PointBegun || point == notify.PointSent) {
					want = store.NotifyUnknown
					if point == notify.PointBegun {
						told = 0
					}
				}
				if n.State != want || len(r.gateway.delivered(n.ID)) != told {
					t.Errorf("%s (%s), told %d times; want %s, %d", n.State, n.Reason, len(r.gateway.delivered(n.ID)), want, told)
				}
			})
		}
	}
}

func TestOptOutsAreRespected(t *testing.T) {
	r := newRig(t, storetest.SQLite(t), true)
	s := r.start(quick(), nil)
	status, body := post(t, s, "acme/replies", `{"replies":[{"from":"13800138001","text":" ＴＤ。"},{"from":"13900139000","text":"谢谢"}]}`)
	if status != 200 || !strings.Contains(body, `"opted_out":1`) || !strings.Contains(body, `"other":1`) || !strings.Contains(body, `"code":0`) {
		t.Fatal(status, body)
	}
	n := r.ended(r.ticket(request("call-1")), 1)
	if n.State != store.NotifySkipped || n.Reason != "opted_out" || n.Attempts != 0 {
		t.Errorf("notification %+v", n)
	}
	if got := counter(t, r.reg, "tidegate_notify_notifications_total", map[string]string{"result": "opted_out", "channel": "sms", "event": "opened"}); got != 1 {
		t.Errorf("%v counted", got)
	}
	// Another tenant's list is another list.
	if out, err := r.db.OptedOut(storetest.Context(t), "other", "13800138001"); err != nil || out {
		t.Error(out, err)
	}
	if status, body := post(t, s, "acme/replies", `{"replies":[{"from":"+8613800138001","text":"start"}]}`); status != 200 || !strings.Contains(body, `"opted_in":1`) {
		t.Fatal(status, body)
	}
	if n := r.ended(r.ticket(request("call-2")), 1); n.State != store.NotifySent {
		t.Errorf("notification %+v", n)
	}
}

// One item that cannot be used keeps no other from being taken: nobody sends
// a refused message again, and an opt-out in it would be lost.
func TestOptOutsBehindAWrongItemCount(t *testing.T) {
	r := newRig(t, storetest.SQLite(t), true)
	s := r.start(quick(), nil)
	status, body := post(t, s, "acme/replies", `{"replies":[{"from":"alice","text":"hello"},{"from":{"n":1},"text":"x"},{"from":"13800138001","text":"TD"}]}`)
	if status != 422 || !strings.Contains(body, `"field":"phone"`) {
		t.Error(status, body)
	}
	if out, err := r.db.OptedOut(storetest.Context(t), "acme", "13800138001"); err != nil || !out {
		t.Error("the opt-out is lost", err)
	}
}

func TestWrongMessagesAreRefused(t *testing.T) {
	r := newRig(t, storetest.SQLite(t), true)
	s := r.start(quick(), nil)
	for _, c := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"acme/replies", `{"replies":[{"from":"alice","text":"TD"}]}`, 422, `"field":"phone"`},
		{"acme/replies", `{"answers":[]}`, 422, `"field":"items"`},
		{"acme/replies", `{`, 422, `"field":"body"`},
		{"acme/replies", `"` + strings.Repeat("x", 300<<10) + `"`, 413, "over 262144 bytes"},
		{"acme/pickup-codes", `{"rma":"RMA-77"}`, 422, `"field":"code"`},
		{"acme/pickup-codes", `{"code":"1"}`, 422, `"field":"return"`},
		{"acme/pickup-codes", `{"rma":"RMA-nobody","code":"1"}`, 200, `"unknown":1`},
		{"other/replies", `{}`, 404, "no such tenant"},
		{"acme/nothing", `{}`, 404, "pick-up codes to POST"},
	} {
		status, body := post(t, s, c.path, c.body)
		if status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %.40s: %d %s, want %d %s", c.path, c.body, status, body, c.status, c.want)
		}
	}
	req, err := http.NewRequest(http.MethodPost, "http://"+s.Addr()+"/v1/notify/acme/replies", strings.NewReader(`{"replies":[{"from":"13800138001","text":"TD"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if status, body := do(t, req); status != 401 || !strings.Contains(body, "signature") {
		t.Error(status, body)
	}
	if out, err := r.db.OptedOut(storetest.Context(t), "acme", "13800138001"); err != nil || out {
		t.Error("an unsigned reply counts", err)
	}
}

func TestWhoCannotReadAnSMSGetsNone(t *testing.T) {
	r := newRig(t, storetest.SQLite(t), true)
	r.start(quick(), nil)
	for contact, want := range map[string]string{"02168888888": "landline", "anonymous": "hidden", "": "hidden", "+85261234567": "foreign"} {
		req := request("call-" + want + fmt.Sprint(len(contact)))
		req.Contact = contact
		n := r.ended(r.ticket(req), 1)
		if n.State != store.NotifySkipped || n.Reason != want {
			t.Errorf("%q: %+v, want %s", contact, n, want)
		}
	}
	for result, want := range map[string]float64{"landline": 1, "hidden": 2, "foreign": 1} {
		eventually(t, result+" counted", func() bool {
			return counter(t, r.reg, "tidegate_notify_notifications_total", map[string]string{"result": result}) == want
		})
	}
	if r.gateway.requests() != 0 {
		t.Errorf("%d requests", r.gateway.requests())
	}
}

func TestQuietHoursPutOff(t *testing.T) {
	r := newRig(t, storetest.SQLite(t), true)
	r.file = strings.Replace(r.file, "    send:\n", "    quiet: {from: \"21:00\", until: \"08:00\"}\n    send:\n", 1)
	r.at(22, 30)
	cfg := quick()
	cfg.GiveUp = 7 * 24 * time.Hour // the facts' times are real
	r.start(cfg, nil)
	tk := r.ticket(request("call-1"))
	eventually(t, "that it is put off", func() bool { n := r.notes(tk); return len(n) == 1 && n[0].NotBefore != nil })
	n := r.notes(tk)[0]
	if d := n.NotBefore.Sub(r.now()); n.State != store.NotifyQueued || d < 9*time.Hour || d > 10*time.Hour {
		t.Errorf("put off by %v: %+v", d, n)
	}
	if r.gateway.requests() != 0 {
		t.Error("it is sent at night")
	}
	r.at(22+9, 31) // 07:31
	time.Sleep(200 * time.Millisecond)
	if r.gateway.requests() != 0 {
		t.Error("it is sent before eight")
	}
	r.at(22+10, 1) // 08:01
	if n := r.ended(tk, 1); n.State != store.NotifySent || len(r.gateway.delivered(n.ID)) != 1 {
		t.Errorf("notification %+v", n)
	}
}

func TestWhatIsRefusedGoesToTheDeadLettersAndComesBack(t *testing.T) {
	r := newRig(t, storetest.SQLite(t), true)
	r.start(quick(), nil)
	r.gateway.fail(always(refused))
	tk := r.ticket(request("call-1"))
	if n := r.ended(tk, 1); n.State != store.NotifyRefused || !strings.Contains(n.Reason, "invalid_number") || strings.Contains(n.Reason, "13800138001") {
		t.Errorf("notification %+v", n)
	}
	eventually(t, "a dead letter", func() bool { return len(r.dead.List()) == 1 })
	r.gateway.fail(nil)
	if _, err := r.bus.ReplayDeadLetter(storetest.Context(t), 1); err != nil {
		t.Fatal(err)
	}
	eventually(t, "that it is sent", func() bool { n := r.ended(tk, 1); return n.State == store.NotifySent })
}

func TestAttemptsEndAndHintsAreKept(t *testing.T) {
	r := newRig(t, storetest.SQLite(t), true)
	cfg := quick()
	cfg.MaxAttempts, cfg.Guard.Failures = 3, 1000
	r.start(cfg, nil)
	r.gateway.fail(always(limited))
	tk := r.ticket(request("call-1"))
	if n := r.ended(tk, 1); n.State != store.NotifyFailed || n.Attempts != 3 {
		t.Errorf("notification %+v", n)
	}
	eventually(t, "a dead letter", func() bool { return len(r.dead.List()) == 1 })
	if got := r.gateway.requests(); got != 3 {
		t.Errorf("%d requests", got)
	}
	r.gateway.fail(always(tooMany))
	tk = r.ticket(request("call-2"))
	eventually(t, "that it waits as long as it is asked to", func() bool {
		n := r.notes(tk)
		return len(n) == 1 && n[0].NotBefore != nil && strings.Contains(n[0].Reason, "429")
	})
	r.gateway.fail(nil)
	if n := r.ended(tk, 1); n.State != store.NotifySent {
		t.Errorf("notification %+v", n)
	}
}

// While a gateway is away, it is left alone, and that costs no attempts.
func TestAGatewayThatIsAwayIsLeftAlone(t *testing.T) {
	r := newRig(t, storetest.SQLite(t), false)
	r.file = strings.Replace(r.file, "otherwise: unknown", "otherwise: unknown\n      not_sent: [429, 503]", 1)
	cfg := quick()
	cfg.Guard.Failures, cfg.Guard.Cooldown, cfg.RetryMax = 1, 500*time.Millisecond, 20*time.Millisecond
	r.start(cfg, nil)
	r.gateway.fail(always(away))
	tk := r.ticket(request("call-1"))
	eventually(t, "many tries and few requests", func() bool {
		tries := counter(t, r.reg, "tidegate_notify_notifications_total", map[string]string{"result": "retry"})
		return tries > 20 && r.gateway.requests() < 5
	})
	r.gateway.fail(nil)
	if n := r.ended(tk, 1); n.State != store.NotifySent {
		t.Errorf("notification %+v", n)
	}
}

func TestOldFactsAndOldNotificationsAreNotSent(t *testing.T) {
	r := newRig(t, storetest.SQLite(t), true)
	r.start(quick(), nil)
	r.gateway.fail(always(limited))
	tk := r.ticket(request("call-1"))
	eventually(t, "a first try", func() bool { return r.gateway.requests() > 0 })
	r.forward(25 * time.Hour)
	if n := r.ended(tk, 1); n.State != store.NotifyFailed || n.Reason != "it is too old" && !strings.Contains(n.Reason, "rate_limited") {
		t.Errorf("notification %+v", n)
	}
	r.ticket(request("call-2"))
	eventually(t, "a late fact", func() bool {
		return counter(t, r.reg, "tidegate_notify_facts_total", map[string]string{"result": "late"}) == 1
	})
}
