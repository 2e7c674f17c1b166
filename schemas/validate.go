package schemas

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// FS holds the generated documents: v1/*.schema.json, v1/examples, and
// asyncapi.yaml.
//
//go:embed v1/*.schema.json v1/examples/*.json asyncapi.yaml
var FS embed.FS

// Names of schemas that are no bus messages.
const (
	envelopeSchema   = "envelope"
	SchemaFork       = "fork_metadata"
	SchemaSpeech     = "speech_message"
	SchemaSide       = "side_message"
	schemaBase       = "https://tidegate.dev/schemas/v1/"
	schemaFileEnding = ".schema.json"
)

// compiledSchema is a schema, and what says yes for it quickly.
type compiledSchema struct {
	full  *jsonschema.Schema
	quick *rule
}

var compiled = sync.OnceValues(func() (map[string]compiledSchema, error) {
	all, err := compileAll()
	if err != nil {
		return nil, err
	}
	quick := rulesOf(all)
	out := make(map[string]compiledSchema, len(all))
	for name, s := range all {
		out[name] = compiledSchema{s, quick[name]}
	}
	return out, nil
})

func compileAll() (map[string]*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	names := schemaNames()
	for _, name := range names {
		b, err := FS.ReadFile("v1/" + FileName(name))
		if err != nil {
			return nil, err
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := c.AddResource(SchemaID(name), doc); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	out := make(map[string]*jsonschema.Schema, len(names))
	for _, name := range names {
		s, err := c.Compile(SchemaID(name))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[name] = s
	}
	return out, nil
}

// validate checks b against a schema. The error names the place and the rule
// that was broken, and never quotes the value: it may be somebody's number.
func validate(name string, b []byte, base error) error {
	v, err := parse(b, base)
	if err != nil {
		return err
	}
	return check(name, v, base)
}

// parse reads JSON as the schemas want it: maps, lists, numbers as written.
func parse(b []byte, base error) (any, error) {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", base, ErrSyntax)
	}
	return v, nil
}

func check(name string, v any, base error) error {
	all, err := compiled()
	if err != nil {
		return err
	}
	s, ok := all[name]
	if !ok {
		return fmt.Errorf("%w: %.80q", ErrUnknownType, name)
	}
	if s.quick.accepts(v) {
		return nil
	}
	if err := s.full.Validate(v); err != nil {
		return fmt.Errorf("%w: %s", base, describe(err))
	}
	return nil
}

// member gives an object's member as encoding/json would find it for a field
// of that name; false when the object holds it in several spellings: which
// one counts depends on their order, which a map has not.
func member(object any, name string) (any, bool) {
	m, ok := object.(map[string]any)
	if !ok {
		return nil, false
	}
	for key := range m {
		if key != name && strings.EqualFold(key, name) {
			return nil, false
		}
	}
	v, ok := m[name]
	return v, ok
}

var printer = message.NewPrinter(language.English)

func describe(err error) string {
	var ve *jsonschema.ValidationError
	if !errors.As(err, &ve) {
		return "invalid"
	}
	for len(ve.Causes) > 0 {
		ve = ve.Causes[0]
	}
	at := "/"
	for i, p := range ve.InstanceLocation {
		if i > 0 {
			at += "/"
		}
		at += fmt.Sprintf("%.40s", p)
	}
	switch k := ve.ErrorKind.(type) {
	case *kind.Required, *kind.Type, *kind.MaxLength, *kind.MinLength, *kind.MaxItems:
		return at + ": " + k.LocalizedString(printer)
	default:
		return fmt.Sprintf("%s: violates %v", at, ve.ErrorKind.KeywordPath())
	}
}
