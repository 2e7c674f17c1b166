package schemas

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Every example is accepted without the library, which shows that none of our
// schemas holds a keyword that rules do not know.
func TestRulesKnowOurSchemas(t *testing.T) {
	all, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range Messages() {
		b, err := FS.ReadFile("v1/examples/" + strings.TrimSuffix(FileName(m.Type), schemaFileEnding) + ".json")
		if err != nil {
			t.Fatal(err)
		}
		v, err := parse(b, ErrEnvelope)
		if err != nil {
			t.Fatal(err)
		}
		if data, ok := member(v, "data"); !ok || !all[m.Type].quick.accepts(data) || !all[envelopeSchema].quick.accepts(v) {
			t.Errorf("%s: the library is needed for it", m.Type)
		}
	}
}

const ruleSchema = `{"$defs": {"tree": {"type": "object", "properties": {"next": {"$ref": "#/$defs/tree"}, "n": {"type": "integer", "minimum": -2, "maximum": 9007199254740993}}}},
	"type": "object", "required": ["a"], "additionalProperties": {"type": ["boolean", "null"]}, "properties": {
	"a": {"type": "string", "minLength": 1, "maxLength": 3, "pattern": "^[a-z长]*$"}, "e": {"enum": ["x", "y", 8]}, "t": {"$ref": "#/$defs/tree"},
	"l": {"type": "array", "items": {"type": "number", "minimum": 0.5, "maximum": 1}, "minItems": 1, "maxItems": 2},
	"c": {"type": "object", "additionalProperties": false}, "u": {"type": "array", "uniqueItems": true}}}`

func compileForTest(t testing.TB, text string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("https://tidegate.dev/test", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("https://tidegate.dev/test")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRules(t *testing.T) {
	full := compileForTest(t, ruleSchema)
	quick := boil(full, map[*jsonschema.Schema]*rule{})
	// Right but slow: the rule leaves it to the library.
	for v, slow := range map[string]bool{
		`{"a": "x"}`: false, `{"a": "长长长", "b": true, "d": null}`: false, `{"a": "x", "e": "y"}`: false, `{"a": "x", "e": 8}`: false, `{"a": "x", "e": 8.0}`: true, `{"a": "x", "l": [0.75, 0.9]}`: false, `{"a": "x", "c": {}}`: false,
		`{"a": "x", "t": {"next": {"next": {"n": 7}}, "more": []}}`: true, // the bound is no float
		`{"a": "x", "t": {"next": {"next": {}}, "more": []}}`:       false,
		`{"a": "x", "l": [1]}`: false, `{"a": "x", "l": [1.0]}`: true, `{"a": "x", "l": [0.50]}`: true, `{"a": "x", "l": [5e-1]}`: true, `{"a": "x", "u": [1, 2]}`: true,
	} {
		got, err := parse([]byte(v), ErrData)
		if err != nil || full.Validate(got) != nil || quick.accepts(got) == slow {
			t.Errorf("%s: accepted %v, want slow %v, %v", v, quick.accepts(got), slow, full.Validate(got))
		}
	}
	for _, v := range []string{
		`{}`, `[]`, `null`, `"a"`, `1`, `{"a": ""}`, `{"a": "abcd"}`, `{"a": "A"}`, `{"a": "x", "b": 1}`, `{"a": "x", "e": "z"}`, `{"a": "x", "e": 1}`, `{"a": "x", "e": "8"}`,
		`{"a": "x", "l": []}`, `{"a": "x", "l": [1, 1, 1]}`, `{"a": "x", "l": [1.00000000000000000001]}`, `{"a": "x", "l": [0.4999999999999999999999]}`,
		`{"a": "x", "l": ["1"]}`, `{"a": "x", "c": {"b": true}}`, `{"a": "x", "t": {"next": {"n": 1.5}}}`, `{"a": "x", "t": {"n": -3}}`,
		`{"a": "x", "t": {"n": 9007199254740994}}`, `{"a": "x", "u": [1, 1]}`,
	} {
		got, err := parse([]byte(v), ErrData)
		if err != nil || full.Validate(got) == nil || quick.accepts(got) {
			t.Errorf("%s: accepted %v, by the library: %v", v, quick.accepts(got), full.Validate(got))
		}
	}
}

// FuzzRules: what a rule accepts, the library accepts.
func FuzzRules(f *testing.F) {
	all, err := compiled()
	if err != nil {
		f.Fatal(err)
	}
	full := compileForTest(f, ruleSchema)
	all = maps.Clone(all)
	all["test"] = compiledSchema{full, boil(full, map[*jsonschema.Schema]*rule{})}
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		b, err := FS.ReadFile("v1/examples/" + strings.TrimSuffix(FileName(name), schemaFileEnding) + ".json")
		if err != nil {
			b = []byte(`{"a": "x", "l": [0.75], "t": {"n": 1}}`)
		}
		var e Envelope
		if json.Unmarshal(b, &e) == nil && e.Data != nil {
			b = e.Data
		}
		f.Add(uint8(i), b)
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		s := all[names[int(which)%len(names)]]
		v, err := parse(b, ErrData)
		if errors.Is(err, ErrSyntax) {
			return
		}
		if s.quick.accepts(v) && s.full.Validate(v) != nil {
			t.Fatalf("%s: %s", s.full.Location, s.full.Validate(v))
		}
	})
}
