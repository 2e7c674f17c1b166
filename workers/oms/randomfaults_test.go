package oms_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
	"github.com/tidegate/tidegate/workers/oms/rest"
)

const returnsDescription = `name: counter
base: BASE_URL
timeout: 200ms
operations:
  create_return:
    existing:
      request: {path: /returns, query: {order: "{{.order_number}}"}}
      pick: {items: returns, path: key, equals: "{{.key}}"}
    request: {method: POST, path: /returns, body: '{"order": {{.order_number}}, "key": {{.key}}}'}
    item: return
    map: {status: {value: requested}, number: id}
`

// returnDesk is an order system that makes a return of every request, as often as
// it comes, and goes wrong at random for a while.
type returnDesk struct {
	mu      sync.Mutex
	random  *rand.Rand
	left    int // requests that may go wrong
	wrong   map[string]int
	returns []returned
	ended   chan struct{}
}

type returned struct {
	ID    string `json:"id"`
	Order string `json:"order"`
	Key   string `json:"key"`
}

// of lists what was made under a key; "" is all.
func (c *returnDesk) of(key string) (out []returned) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.returns {
		if key == "" || r.Key == key {
			out = append(out, r)
		}
	}
	return out
}

func (c *returnDesk) fault() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left--; c.left < 0 {
		return ""
	}
	all := []string{"500", "done, 500", "hang", "done, hang", "done, cut", "done, garbage", "done, half", "", ""}
	f := all[c.random.IntN(len(all))]
	c.wrong[f]++
	return f
}

func (c *returnDesk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	fault := c.fault()
	var told []byte
	if fault == "" || strings.HasPrefix(fault, "done") {
		told = c.do(r, body)
	}
	switch fault {
	case "500", "done, 500":
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
	case "hang", "done, hang":
		select {
		case <-r.Context().Done():
		case <-c.ended:
		}
	case "done, cut":
		panic(http.ErrAbortHandler)
	case "done, garbage":
		_, _ = fmt.Fprint(w, "<html>\x00 maintenance")
	case "done, half":
		_, _ = w.Write(told[:len(told)-4])
	default:
		_, _ = w.Write(told)
	}
}

func (c *returnDesk) do(r *http.Request, body []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Method != http.MethodPost {
		found := []returned{}
		for _, have := range c.returns {
			if have.Order == r.URL.Query().Get("order") {
				found = append(found, have)
			}
		}
		b, _ := json.Marshal(map[string]any{"returns": found})
		return b
	}
	var made returned
	_ = json.Unmarshal(body, &made)
	made.ID = fmt.Sprint("R", len(c.returns)+1)
	c.returns = append(c.returns, made)
	b, _ := json.Marshal(map[string]any{"return": made})
	return b
}

// Whatever an order system does to requests, each ticket has one return there
// and one fact; two workers share the work, and NATS goes away once.
func TestReturnsThroughRandomFaults(t *testing.T) {
	const n = 40
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	c := &returnDesk{random: rand.New(rand.NewPCG(seed, 1)), left: 200, wrong: map[string]int{}, ended: make(chan struct{})}
	server := httptest.NewServer(c)
	t.Cleanup(func() { close(c.ended); server.Close() })
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	system, err := rest.Parse("counter.yaml", []byte(strings.ReplaceAll(returnsDescription, "BASE_URL", server.URL)), rest.Options{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	cfg := writing()
	cfg.Writes.MaxAttempts, cfg.Writes.MaxInFlight = 1000, 4
	var deps oms.Deps
	d := newDesk(t, cfg, nil, func(first *oms.Deps) {
		first.Tenants = map[string]oms.System{"shop": system}
		deps = *first
	})
	deps.Bus, deps.Registry = d.nats.Connect("second"), prometheus.NewRegistry()
	start(t, cfg, deps)
	var tickets []store.Ticket
	for i := range n {
		req := returnOf(fmt.Sprint("c", i), fmt.Sprintf("2026%08d", i/2))
		req.Tenant = "shop"
		tickets = append(tickets, d.open(req))
		if i == n/2 {
			d.nats.Down()
			time.Sleep(50 * time.Millisecond)
			d.nats.Up()
		}
	}
	for _, ticket := range tickets {
		eventually(t, "the return of "+ticket.CallID, func() bool {
			list := d.writes(ticket)
			return len(list) == 1 && list[0].Status == store.OMSWriteRequested
		})
		made := c.of(ticket.IdempotencyKey)
		if w := d.writes(ticket); len(made) != 1 || made[0].ID != w[0].Number {
			t.Errorf("%s: noted %+v, made %+v", ticket.CallID, w, made)
		}
	}
	facts := map[string]string{}
	eventually(t, "a fact of each", func() bool {
		for _, m := range d.facts.list() {
			if f, ok := m.Data.(*schemas.ReturnCreated); ok {
				facts[f.IdempotencyKey] = f.Number
			}
		}
		return len(facts) == n
	})
	eventually(t, "an empty work queue", func() bool {
		work, err := d.nats.Pending(storetest.Context(t), schemas.StreamWork)
		return err == nil && work == 0
	})
	if all := c.of(""); len(all) != n || len(d.facts.list()) != n || len(d.dead.list()) != 0 {
		t.Errorf("%d returns, %d facts, %d dead letters", len(all), len(d.facts.list()), len(d.dead.list()))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left > 0 || len(c.wrong) < 5 {
		t.Errorf("not much went wrong: %v, %d left", c.wrong, c.left)
	}
}
