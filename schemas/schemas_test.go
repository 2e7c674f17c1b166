package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestGeneratedFilesAreCurrent: `go run . schema --write schemas` mends it.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	files, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(name)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the Go types say (%v); run: go run . schema --write schemas", name, err)
		}
	}
	on, err := os.ReadDir("v1")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range on {
		if _, ok := files["v1/"+e.Name()]; !ok && !e.IsDir() {
			t.Errorf("v1/%s belongs to no type", e.Name())
		}
	}
}

// TestExamplesDecodeForEver: an example that was once committed may never be
// changed to make this pass; old messages are still on somebody's disk.
func TestExamplesDecodeForEver(t *testing.T) {
	for _, m := range Messages() {
		name := strings.TrimSuffix(FileName(m.Type), schemaFileEnding)
		b, err := FS.ReadFile(path.Join("v1/examples", name+".json"))
		if err != nil {
			t.Errorf("no example of %s: %v", m.Type, err)
			continue
		}
		e, data, err := Decode(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if e.Type != m.Type || TypeOf(data) != m.Type {
			t.Errorf("%s decodes as %s", name, TypeOf(data))
		}
		// Nothing in the example is lost on the way through the Go type.
		again, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		var was, is any
		if json.Unmarshal(e.Data, &was) != nil || json.Unmarshal(again, &is) != nil || !reflect.DeepEqual(was, is) {
			t.Errorf("%s: data changed on the way:\n%s\n%s", name, e.Data, again)
		}
	}
	for name, v := range map[string]any{SchemaFork: &ForkMetadata{}, SchemaSpeech: &SpeechMessage{}, SchemaSide: &SideMessage{}} {
		b, err := FS.ReadFile("v1/examples/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if err := DecodeStrict(name, b, v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	good, err := Encode("/tidegate/test/1", time.Now(), MediaClose{CallID: "c", Reason: "hangup"}, ForCall("c"))
	if err != nil {
		t.Fatal(err)
	}
	edit := func(old, repl string) []byte { return []byte(strings.Replace(string(good), old, repl, 1)) }
	tests := []struct {
		name string
		b    []byte
		want error
	}{
		{"not JSON", []byte("{half"), ErrSyntax},
		{"empty", nil, ErrSyntax},
		{"too large", make([]byte, MaxMessageBytes+1), ErrTooLarge},
		{"wrong version", edit(`"specversion":"1.0"`, `"specversion":"0.3"`), ErrEnvelope},
		{"no id", edit(`"id":"`, `"no":"`), ErrEnvelope},
		{"bad call id", edit(`"callid":"c"`, `"callid":"a.b > c"`), ErrEnvelope},
		{"unknown type", edit("media.close", "media.explode"), ErrUnknownType},
		{"data breaks its schema", edit(`"call_id":"c"`, `"call_id":7`), ErrData},
		{"data in a second spelling breaks its schema", edit(`"data":{`, `"data":{"call_id":"c","reason":"hangup"},"Data":{"call_id":7,"was":{`+"}},\"x\":{"), ErrData},
		{"data is no object", edit(`"data":{"call_id":"c","reason":"hangup"}`, `"data":[]`), ErrEnvelope},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, _, err := Decode(tt.b); !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
		})
	}
	// A newer sender may add fields.
	if _, _, err := Decode(edit(`"reason":"hangup"`, `"reason":"hangup","later":1`)); err != nil {
		t.Fatalf("unknown field refused: %v", err)
	}
}

func TestErrorsNeverQuoteTheValue(t *testing.T) {
	b, err := Encode("/tidegate/test/1", time.Now(), OrdersFind{Phone: "1380013800113800138001138001380011380013800113800138001"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err = Decode(b); err == nil || strings.Contains(err.Error(), "13800") {
		t.Fatalf("error %v", err)
	}
	b, _ = Encode("/tidegate/test/1", time.Now(), OrdersFind{LastDigits: "张三"})
	if _, _, err = Decode(b); err == nil || strings.Contains(err.Error(), "张三") {
		t.Fatalf("error %v", err)
	}
}

func TestEncodeRefuses(t *testing.T) {
	if _, err := Encode("/x", time.Now(), struct{}{}); !errors.Is(err, ErrUnknownType) {
		t.Fatal(err)
	}
	if _, err := Encode("/x", time.Now(), CallEnded{Reason: strings.Repeat("x", MaxMessageBytes)}); !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range Messages() {
		b, err := FS.ReadFile("v1/examples/" + strings.TrimSuffix(FileName(m.Type), schemaFileEnding) + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, data, err := Decode(b)
		if err != nil {
			return
		}
		if TypeOf(data) != e.Type {
			t.Fatalf("type %s decoded as %T", e.Type, data)
		}
		// What was accepted can be said again.
		if _, err := Encode(e.Source, e.Time, data, WithID(e.ID)); err != nil && !errors.Is(err, ErrTooLarge) {
			t.Fatal(err)
		}
	})
}

func FuzzSpeechMessage(f *testing.F) {
	f.Add([]byte(`{"type":"start","language":"zh-CN","sample_rate":8000}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m SpeechMessage
		if err := DecodeStrict(SchemaSpeech, b, &m); err == nil && m.Type == "" {
			t.Fatal("a message without a type was accepted")
		}
	})
}

// BenchmarkDecode is one message off the bus, checked against both schemas.
func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"media.transcript", "ticket.open", "orders.found"} {
		b.Run(name, func(b *testing.B) {
			raw, err := FS.ReadFile("v1/examples/" + name + ".json")
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Decode(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
