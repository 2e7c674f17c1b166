package console

import (
	"container/list"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits are token buckets by name, of the names that were seen last: memory
// is bounded, and who was forgotten begins anew with a full bucket.
type limits struct {
	policy string
	rate   rate.Limit
	burst  int
	max    int

	mu     sync.Mutex
	byName map[string]*list.Element
	recent *list.List // of bucket, latest first
}

type bucket struct {
	name    string
	limiter *rate.Limiter
}

func newLimits(policy string, perSecond float64, burst, most int) *limits {
	return &limits{policy: policy, rate: rate.Limit(perSecond), burst: burst, max: most, byName: map[string]*list.Element{}, recent: list.New()}
}

// take takes one token; false when there is none, with the time until there
// is. left is what remains.
func (l *limits) take(name string, now time.Time) (left int, wait time.Duration, ok bool) {
	l.mu.Lock()
	e, found := l.byName[name]
	if found {
		l.recent.MoveToFront(e)
	} else {
		if l.recent.Len() >= l.max {
			oldest := l.recent.Back()
			delete(l.byName, oldest.Value.(bucket).name)
			l.recent.Remove(oldest)
		}
		e = l.recent.PushFront(bucket{name, rate.NewLimiter(l.rate, l.burst)})
		l.byName[name] = e
	}
	limiter := e.Value.(bucket).limiter
	l.mu.Unlock()
	ok = limiter.AllowN(now, 1)
	tokens := limiter.TokensAt(now)
	if !ok {
		wait = time.Duration((1 - tokens) / float64(l.rate) * float64(time.Second))
	}
	return max(0, int(tokens)), max(0, wait), ok
}

// admit takes a token of name and says so in the RateLimit fields (the IETF's
// draft-ietf-httpapi-ratelimit-headers-10); without one it answers 429.
func (l *limits) admit(w http.ResponseWriter, name string, now time.Time) bool {
	left, wait, ok := l.take(name, now)
	window := max(1, int(math.Ceil(float64(l.burst)/float64(l.rate))))
	w.Header().Set("RateLimit-Policy", fmt.Sprintf("%q;q=%d;w=%d", l.policy, l.burst, window))
	after := max(1, int(math.Ceil(wait.Seconds())))
	if ok {
		w.Header().Set("RateLimit", fmt.Sprintf("%q;r=%d", l.policy, left))
		return true
	}
	w.Header().Set("RateLimit", fmt.Sprintf("%q;r=0;t=%d", l.policy, after))
	w.Header().Set("Retry-After", strconv.Itoa(after))
	writeProblem(w, problem{Status: http.StatusTooManyRequests, Kind: kindTooMany, Detail: "Too many requests from one " + l.policy + "; try again after the time in Retry-After."})
	return false
}

// addressOf is where a request comes from. A network behind IPv6 has 2^64
// addresses, so that its /64 counts as one; proxies' own words about whom
// they forward are not believed.
func addressOf(r *http.Request) (address, network string) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return "unknown", "unknown"
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return ip.String(), p.String()
		}
	}
	return ip.String(), ip.String()
}
