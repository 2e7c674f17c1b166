package notify

import (
	"testing"
	"time"
)

// smallFile is a file with one of each thing. The examples are tested whole
// elsewhere: as seeds, their length would leave the fuzzer with nothing to do
// but to shorten what it finds, byte by byte, a minute for each.
const smallFile = `connector: notify
gateways:
  sms:
    base: https://x.example
    query_key: {name: k, value: {env: K}}
    idempotent: true
    optout_text: {zh-CN: T}
    quiet: {from: "21:00", until: "08:00"}
    send: {method: POST, path: "/{{.to}}", body: {t: "{{.text}}"}, map: {code: c}}
    outcome: {accepted: [ok]}
replies: {secret: {env: K}, items: r, map: {phone: p, text: t}}
events:
  opened:
    sms: {when: "ticket.number", text: {zh-CN: "{{.ticket.number}}"}}
`

// Whatever a file holds, it is refused with words, or everything it says can
// be composed.
func FuzzParse(f *testing.F) {
	if _, err := Parse("f.yaml", []byte(smallFile)); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(smallFile))
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
