package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/tidegate/tidegate/internal/restcall"
)

// showExchange prints a request and its answer, which are masked.
func showExchange(w io.Writer, e restcall.Exchange) {
	if e.Method == "" {
		return // nothing was sent
	}
	fmt.Fprintf(w, "  > %s %s\n", e.Method, e.URL)
	showMessage(w, "  > ", e.RequestHeader, e.RequestBody)
	if e.Status == 0 {
		fmt.Fprintf(w, "  < no answer after %v\n", e.Took.Round(time.Millisecond))
		return
	}
	fmt.Fprintf(w, "  < %d after %v\n", e.Status, e.Took.Round(time.Millisecond))
	for name, value := range e.ResponseHeader {
		if value == restcall.Masked {
			delete(e.ResponseHeader, name) // of an answer, these tell nothing
		}
	}
	showMessage(w, "  < ", e.ResponseHeader, e.ResponseBody)
}

func showMessage(w io.Writer, prefix string, header map[string]string, body string) {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		fmt.Fprintf(w, "%s%s: %s\n", prefix, line(name), line(header[name]))
	}
	indent(w, prefix, body)
}
