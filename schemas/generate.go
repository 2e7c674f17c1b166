package schemas

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sort"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/invopop/jsonschema"
)

// FileName is the file of a schema in v1/; name is a message type or the
// name of another schema.
func FileName(name string) string {
	return strings.TrimPrefix(name, Prefix+".") + schemaFileEnding
}

// SchemaID is the $id of a schema.
func SchemaID(name string) string { return schemaBase + FileName(name) }

var otherSchemas = map[string]reflect.Type{
	envelopeSchema: reflect.TypeFor[Envelope](),
	SchemaFork:     reflect.TypeFor[ForkMetadata](),
	SchemaSpeech:   reflect.TypeFor[SpeechMessage](),
	SchemaSide:     reflect.TypeFor[SideMessage](),
}

func schemaNames() []string {
	var names []string
	for name := range registry {
		names = append(names, name)
	}
	for name := range otherSchemas {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Generate makes every generated file, by its path below schemas/.
func Generate() (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, name := range schemaNames() {
		t, doc := otherSchemas[name], ""
		if m, ok := registry[name]; ok {
			t, doc = m.goType, m.Doc
		}
		b, err := schemaOf(name, t, doc)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out["v1/"+FileName(name)] = b
	}
	api, err := asyncAPI()
	if err != nil {
		return nil, err
	}
	out["asyncapi.yaml"] = api
	return out, nil
}

func schemaOf(name string, t reflect.Type, doc string) ([]byte, error) {
	r := &jsonschema.Reflector{
		Anonymous: true, AllowAdditionalProperties: true, ExpandedStruct: true,
	}
	s := r.ReflectFromType(t)
	s.ID = jsonschema.ID(SchemaID(name))
	s.Title = t.Name()
	if doc != "" {
		s.Description = doc
	}
	if name == envelopeSchema {
		// Data is any JSON object; its own schema is named by type.
		s.Properties.Set("data", &jsonschema.Schema{Type: "object"})
	}
	b, err := json.MarshalIndent(s, "", "  ")
	return append(b, '\n'), err
}

// asyncAPI describes the bus as AsyncAPI 3.0.
func asyncAPI() ([]byte, error) {
	channels, operations, messages := yaml.MapSlice{}, yaml.MapSlice{}, yaml.MapSlice{}
	byAddress := map[string][]string{}
	var addresses []string
	for _, m := range Messages() {
		key := strings.TrimPrefix(m.Type, Prefix+".")
		messages = append(messages, yaml.MapItem{Key: key, Value: yaml.MapSlice{
			{Key: "name", Value: m.Type},
			{Key: "summary", Value: m.Doc},
			{Key: "contentType", Value: "application/cloudevents+json"},
			{Key: "x-class", Value: string(m.Class)},
			{Key: "payload", Value: yaml.MapSlice{{Key: "allOf", Value: []yaml.MapSlice{
				{{Key: "$ref", Value: "./v1/" + FileName(envelopeSchema)}},
				{{Key: "properties", Value: yaml.MapSlice{{Key: "data", Value: yaml.MapSlice{{Key: "$ref", Value: "./v1/" + FileName(m.Type)}}}}}},
			}}}},
		}})
		if m.Address == "" {
			continue
		}
		if byAddress[m.Address] == nil {
			addresses = append(addresses, m.Address)
		}
		byAddress[m.Address] = append(byAddress[m.Address], key)
	}
	sort.Strings(addresses)
	for _, a := range addresses {
		id := strings.NewReplacer(Prefix+".", "", "{callid}.", "", "{kind}", "any").Replace(a)
		id = strings.ReplaceAll(id, ".", "_")
		refs, params := yaml.MapSlice{}, yaml.MapSlice{}
		var opRefs []yaml.MapSlice
		for _, key := range byAddress[a] {
			refs = append(refs, yaml.MapItem{Key: key, Value: yaml.MapSlice{{Key: "$ref", Value: "#/components/messages/" + key}}})
			opRefs = append(opRefs, yaml.MapSlice{{Key: "$ref", Value: "#/channels/" + id + "/messages/" + key}})
		}
		for _, p := range []string{"callid", "kind"} {
			if strings.Contains(a, "{"+p+"}") {
				params = append(params, yaml.MapItem{Key: p, Value: yaml.MapSlice{{Key: "description", Value: paramDoc[p]}}})
			}
		}
		ch := yaml.MapSlice{{Key: "address", Value: a}, {Key: "messages", Value: refs}}
		if len(params) > 0 {
			ch = append(ch, yaml.MapItem{Key: "parameters", Value: params})
		}
		channels = append(channels, yaml.MapItem{Key: id, Value: ch})
		operations = append(operations, yaml.MapItem{Key: "publish_" + id, Value: yaml.MapSlice{
			{Key: "action", Value: "send"},
			{Key: "channel", Value: yaml.MapSlice{{Key: "$ref", Value: "#/channels/" + id}}},
			{Key: "messages", Value: opRefs},
		}})
	}
	sc, so, sm := speechAPI()
	channels, operations, messages = append(channels, sc...), append(operations, so...), append(messages, sm...)
	doc := yaml.MapSlice{
		{Key: "asyncapi", Value: "3.0.0"},
		{Key: "info", Value: yaml.MapSlice{
			{Key: "title", Value: "Tidegate bus"},
			{Key: "version", Value: "1.0.0"},
			{Key: "description", Value: "Generated from the Go types in schemas; see v1/ for the schemas and v1/examples for messages that must decode for ever."},
			{Key: "license", Value: yaml.MapSlice{{Key: "name", Value: "Apache-2.0"}}},
		}},
		{Key: "defaultContentType", Value: "application/cloudevents+json"},
		{Key: "channels", Value: channels},
		{Key: "operations", Value: operations},
		{Key: "components", Value: yaml.MapSlice{{Key: "messages", Value: messages}}},
	}
	return yaml.Marshal(doc)
}

// speechAPI describes the websockets of the speech workers (speech.go), seen
// from the bridge.
func speechAPI() (channels, operations, messages yaml.MapSlice) {
	messages = yaml.MapSlice{{Key: "speech", Value: yaml.MapSlice{
		{Key: "summary", Value: "A control message of the speech protocol, as a text frame. Binary frames are L16 little-endian mono sound."},
		{Key: "contentType", Value: "application/json"},
		{Key: "payload", Value: yaml.MapSlice{{Key: "$ref", Value: "./v1/" + FileName(SchemaSpeech)}}},
	}}}
	for _, s := range []struct{ id, path, subprotocol string }{
		{"speech_asr", "/v1/asr/{token}", SubprotocolASR}, {"speech_tts", "/v1/tts/{token}", SubprotocolTTS},
	} {
		channels = append(channels, yaml.MapItem{Key: s.id, Value: yaml.MapSlice{
			{Key: "address", Value: s.path},
			{Key: "description", Value: "Websocket of a speech worker, subprotocol " + s.subprotocol + "; the address comes with slot.granted."},
			{Key: "messages", Value: yaml.MapSlice{{Key: "speech", Value: yaml.MapSlice{{Key: "$ref", Value: "#/components/messages/speech"}}}}},
			{Key: "parameters", Value: yaml.MapSlice{{Key: "token", Value: yaml.MapSlice{{Key: "description", Value: paramDoc["token"]}}}}},
		}})
		for _, action := range []string{"send", "receive"} {
			operations = append(operations, yaml.MapItem{Key: action + "_" + s.id, Value: yaml.MapSlice{
				{Key: "action", Value: action},
				{Key: "channel", Value: yaml.MapSlice{{Key: "$ref", Value: "#/channels/" + s.id}}},
			}})
		}
	}
	return channels, operations, messages
}

var paramDoc = map[string]string{
	"callid": "The FreeSWITCH channel UUID of the call.",
	"kind":   "asr or tts.",
	"token":  "Signed, short-lived, for one connection of one call.",
}
