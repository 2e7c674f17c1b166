package download

import (
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/tidegate/tidegate/internal/speechmodel"
)

// maxRedirects is what release pages and hubs need, and some more.
const maxRedirects = 10

func newClient(c speechmodel.Config) *http.Client {
	dialer := &net.Dialer{Timeout: c.ConnectTimeout, KeepAlive: 15 * time.Second}
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext,
			TLSHandshakeTimeout: c.ConnectTimeout, ResponseHeaderTimeout: c.ConnectTimeout,
			// A range of a compressed body is none of the file.
			DisableCompression: true,
			ForceAttemptHTTP2:  true,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) >= maxRedirects {
				return errors.New("too many redirects")
			}
			if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
				return errors.New("a redirect leaves https")
			}
			return nil
		},
	}
}
