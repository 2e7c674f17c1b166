package obs

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// bodyTime is how long a client may take over a request's body.
const bodyTime = 20 * time.Second

// timely gives the body of a request a time in which it has to come, also where
// the handler answers without it: net/http reads the rest of it then.
// Server.ReadTimeout would cancel what takes longer to answer, since its
// deadline stays after the body, and net/http goes on reading to see whether
// the client is gone.
func timely(h http.Handler, within time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			c := http.NewResponseController(w)
			_ = c.SetReadDeadline(time.Now().Add(within)) // recorders of tests know none
			r.Body = &timelyBody{r.Body, c}
		}
		h.ServeHTTP(w, r)
	})
}

type timelyBody struct {
	io.ReadCloser
	conn *http.ResponseController
}

func (b *timelyBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}
