package notify

import (
	"testing"
	"time"
)

// Whatever a file holds, it is refused with words, or everything it says can
// be composed.
func FuzzParse(f *testing.F) {
	for _, name := range Examples() {
		b, err := Example(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("connector: notify\ngateways: {sms: null}\nevents: {opened: {sms: null}}\nreplies: {}\n"))
	f.Add([]byte("connector: notify\ngateways: {sms: {base: https://x.example, send: {method: GET, path: /}}}\nevents: {opened: {sms: {text: {zh-CN: \"{{ .ticket }}\"}}}}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse("f.yaml", b)
		if err != nil {
			return
		}
		for event, byChannel := range s.Events {
			for channel := range byChannel {
				if _, err := s.compose(Sample(event, "", true, time.Unix(1e9, 0)), channel); err != nil {
					t.Errorf("%s %s: %v", event, channel, err)
				}
			}
		}
	})
}
