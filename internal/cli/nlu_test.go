package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tidegate/tidegate/orchestrator/dialog"
)

func TestUnderstandLines(t *testing.T) {
	var out strings.Builder
	in := "我要退货尾号三三七八\n退款不对，我要投诉，转人工\n\n\xff今天天气怎么样"
	if err := understandLines(dialog.Default(), strings.NewReader(in), &out, true); err != nil {
		t.Fatal(err)
	}
	var got []understood
	for dec := json.NewDecoder(strings.NewReader(out.String())); dec.More(); {
		var u understood
		if err := dec.Decode(&u); err != nil {
			t.Fatal(err)
		}
		got = append(got, u)
	}
	if len(got) != 4 {
		t.Fatalf("%d lines: %s", len(got), out.String())
	}
	if u := got[0]; u.Intent != "return_request" || u.Slots["order"] != "3378" || u.Confidence < 0.5 {
		t.Errorf("%+v", u)
	}
	if u := got[1]; u.Intent != "transfer_human" || len(u.Intents) < 2 || u.Intents[0] != "transfer_human" {
		t.Errorf("%+v", u)
	}
	if u := got[2]; u.Intent != "out_of_scope" || u.Slots == nil {
		t.Errorf("%+v", u)
	}
	if u := got[3]; u.Intent != "out_of_scope" || !strings.HasPrefix(u.Text, "\uFFFD") {
		t.Errorf("%+v", u)
	}
	out.Reset()
	if err := understandLines(dialog.Default(), strings.NewReader("运费谁出"), &out, false); err != nil || !strings.HasPrefix(out.String(), "freight_policy") {
		t.Errorf("%q, %v", out.String(), err)
	}
	if err := understandLines(dialog.Default(), strings.NewReader(strings.Repeat("退", longestLine)), &out, true); err == nil {
		t.Error("a line without end was taken")
	}
	if _, _, err := loadFlow("no such"); err == nil {
		t.Error("a flow that is not there was taken")
	}
}
