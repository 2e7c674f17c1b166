package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/workers/ticket/rest"
	"github.com/tidegate/tidegate/workers/ticket/rt"
	"github.com/tidegate/tidegate/workers/ticket/tickettest"
)

const deskKey = "TIDEGATE_TEST_DESK_KEY"

func writeConnection(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "desk.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTicketCheck(t *testing.T) {
	desk := tickettest.NewDesk(t)
	path := writeConnection(t, desk.Spec(deskKey))
	out, err := execute(t, "ticket", "check", path)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	wants(t, out, "desk.yaml: right (connector rest)", "desk.yaml:4: note: secret missing")
	out, err = execute(t, "ticket", "check", writeConnection(t, strings.Replace(desk.Spec(deskKey), "method: PATCH", "method: PUSH", 1)))
	if err == nil {
		t.Error("a wrong file is right")
	}
	wants(t, out, `desk.yaml:21: update.method: "PUSH" is none of`)
	if len(desk.Headers()) != 0 {
		t.Error("something was sent")
	}
}

func TestTicketTry(t *testing.T) {
	t.Setenv(deskKey, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	desk := tickettest.NewDesk(t)
	path := writeConnection(t, desk.Spec(deskKey))
	out, err := execute(t, "ticket", "try", "--read-only", path)
	if err != nil || len(desk.Copies("")) != 0 {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err = execute(t, "ticket", "try", path); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	wants(t, out, "find, before it is there\n", "= there is none", "> POST ", "< 201 after ", `= id D-1, status "new"`, "Webhook-Signature: ***", "1 changes; the last: copy D-1")
	for _, private := range []string{"13800138001", "羽绒服", os.Getenv(deskKey)[6:]} {
		if strings.Contains(out, private) {
			t.Errorf("%q is shown:\n%s", private, out)
		}
	}
	if copies := desk.Copies(""); len(copies) != 1 || copies[0].State != "in-progress" || len(copies[0].Comments) != 1 {
		t.Errorf("copies %+v", copies)
	}
	desk.Fail(tickettest.Always(tickettest.Garbage))
	if out, err = execute(t, "ticket", "try", path); err == nil {
		t.Errorf("garbage is right:\n%s", out)
	}
	wants(t, out, "! create: the answer is not understood (status 200): is no JSON")
}

// The files that the guide shows are right.
func TestTheGuideIsRight(t *testing.T) {
	guide, err := os.ReadFile("../../docs/connect-your-tickets.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(guide), -1)
	if len(blocks) != 4 {
		t.Fatalf("%d blocks", len(blocks))
	}
	whole := blocks[0][1] + blocks[1][1] + blocks[2][1]
	for name, text := range map[string]string{"the first": blocks[0][1], "the rest": whole} {
		if _, err := rest.Parse(name, []byte(text)); err != nil {
			t.Error(err)
		}
	}
	if _, err := rt.Parse("rt", []byte(blocks[3][1])); err != nil {
		t.Error(err)
	}
	_, err = rest.Parse("tickets.yaml", []byte(strings.Replace(whole, "ticket.contact", "ticket.contcat", 1)))
	if err == nil || !strings.Contains(string(guide), err.Error()) {
		t.Errorf("the guide does not show %v", err)
	}
	namesFunctions(t, string(guide))
}

func namesFunctions(t *testing.T, guide string) {
	t.Helper()
	for _, f := range restcall.Functions() {
		if !strings.Contains(guide, "`"+f) && !strings.Contains(guide, " "+f+" ") && !strings.Contains(guide, " "+f+"`") {
			t.Errorf("the guide does not name the function %s", f)
		}
	}
}
