package schemas

import (
	"encoding/json"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// rule is a compiled schema boiled down to the keywords that our schemas are
// made of, for saying yes quickly: most messages are right, and the library
// allocates at every place for saying what is wrong. A rule says yes only to
// what the library accepts; where it does not, the library is asked.
type rule struct {
	unsure               bool // a keyword that is not here: never yes
	object, array, text  bool // types; none of all: any type
	number, integer      bool
	boolean, null        bool
	enum                 map[any]bool // of strings and int64; nil: anything
	ref                  *rule
	required             []string
	properties           map[string]*rule
	others               *rule // of properties that are not listed; nil: anything
	closed               bool  // there may be no others
	items                *rule
	minItems, maxItems   int
	minLength, maxLength int
	pattern              jsonschema.Regexp
	least, most          *float64
}

// understood are the fields of a schema that a rule heeds, or that say
// nothing about a value.
var understood = []string{
	"DraftVersion", "Location", "ID", "Anchor", "Title", "Description", "Default", "Comment", "ReadOnly", "WriteOnly", "Examples", "Deprecated",
	"Types", "Enum", "Ref", "Required", "Properties", "AdditionalProperties", "Items2020", "MinItems", "MaxItems", "MinLength", "MaxLength", "Pattern",
	"Minimum", "Maximum",
}

// boil makes the rule of a schema; known are those that are being made, since
// schemas may hold themselves.
func boil(s *jsonschema.Schema, known map[*jsonschema.Schema]*rule) *rule {
	if s == nil {
		return nil
	}
	if r, ok := known[s]; ok {
		return r
	}
	r := &rule{maxItems: -1, maxLength: -1}
	known[s] = r
	for f, v := range reflect.ValueOf(s).Elem().Fields() {
		if f.IsExported() && !v.IsZero() && !slices.Contains(understood, f.Name) {
			r.unsure = true
		}
	}
	r.types(s)
	r.ref, r.items, r.required, r.pattern = boil(s.Ref, known), boil(s.Items2020, known), s.Required, s.Pattern
	r.properties = make(map[string]*rule, len(s.Properties))
	for name, p := range s.Properties {
		r.properties[name] = boil(p, known)
	}
	switch additional := s.AdditionalProperties.(type) {
	case bool:
		r.closed = !additional
	case *jsonschema.Schema:
		r.others = boil(additional, known)
	}
	for _, bound := range []struct {
		from *int
		to   *int
	}{{s.MinItems, &r.minItems}, {s.MaxItems, &r.maxItems}, {s.MinLength, &r.minLength}, {s.MaxLength, &r.maxLength}} {
		if bound.from != nil {
			*bound.to = *bound.from
		}
	}
	r.least, r.most = r.bound(s.Minimum), r.bound(s.Maximum)
	return r
}

func (r *rule) types(s *jsonschema.Schema) {
	if s.Types != nil {
		for _, t := range s.Types.ToStrings() {
			switch t {
			case "object":
				r.object = true
			case "array":
				r.array = true
			case "string":
				r.text = true
			case "number":
				r.number, r.integer = true, true
			case "integer":
				r.integer = true
			case "boolean":
				r.boolean = true
			case "null":
				r.null = true
			}
		}
	} else {
		r.object, r.array, r.text, r.number, r.integer, r.boolean, r.null = true, true, true, true, true, true, true
	}
	if s.Enum == nil {
		return
	}
	r.enum = map[any]bool{}
	for _, v := range s.Enum.Values {
		one, ok := keyOf(v)
		r.unsure = r.unsure || !ok
		r.enum[one] = true
	}
}

// keyOf gives strings and whole numbers as map keys.
func keyOf(v any) (any, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		n, err := strconv.ParseInt(string(v), 10, 64)
		return n, err == nil
	}
	return nil, false
}

// bound is exact, or there is no rule.
func (r *rule) bound(limit *big.Rat) *float64 {
	if limit == nil {
		return nil
	}
	f, exact := limit.Float64()
	r.unsure = r.unsure || !exact
	return &f
}

// accepts is true for what the schema allows; false is "ask the library".
func (r *rule) accepts(v any) bool {
	if r.unsure || r.ref != nil && !r.ref.accepts(v) {
		return false
	}
	if r.enum != nil {
		if one, ok := keyOf(v); !ok || !r.enum[one] {
			return false
		}
	}
	switch v := v.(type) {
	case map[string]any:
		return r.object && r.acceptsObject(v)
	case []any:
		return r.array && len(v) >= r.minItems && (r.maxItems < 0 || len(v) <= r.maxItems) &&
			(r.items == nil || !slices.ContainsFunc(v, func(item any) bool { return !r.items.accepts(item) }))
	case string:
		return r.text && r.acceptsText(v)
	case json.Number:
		return r.acceptsNumber(string(v))
	case bool:
		return r.boolean
	case nil:
		return r.null
	}
	return false
}

func (r *rule) acceptsObject(v map[string]any) bool {
	for _, name := range r.required {
		if _, ok := v[name]; !ok {
			return false
		}
	}
	for name, value := range v {
		switch p, listed := r.properties[name]; {
		case listed:
			if !p.accepts(value) {
				return false
			}
		case r.closed, r.others != nil && !r.others.accepts(value):
			return false
		}
	}
	return true
}

func (r *rule) acceptsText(v string) bool {
	if r.minLength > 0 || r.maxLength >= 0 {
		n := utf8.RuneCountInString(v)
		if n < r.minLength || r.maxLength >= 0 && n > r.maxLength {
			return false
		}
	}
	return r.pattern == nil || r.pattern.MatchString(v)
}

// exactly is up to where every whole number is a float of its own.
const exactly = 1 << 53

// acceptsNumber leaves numbers that a float might round over a bound to the
// library.
func (r *rule) acceptsNumber(v string) bool {
	if whole, err := strconv.ParseInt(v, 10, 64); err == nil && r.integer {
		f := float64(whole)
		return r.least == nil && r.most == nil ||
			-exactly <= whole && whole <= exactly && (r.least == nil || f >= *r.least) && (r.most == nil || f <= *r.most)
	}
	f, err := strconv.ParseFloat(v, 64)
	return err == nil && r.number && (r.least == nil || f > *r.least) && (r.most == nil || f < *r.most)
}

// rulesOf boils all schemas down.
func rulesOf(all map[string]*jsonschema.Schema) map[string]*rule {
	known := map[*jsonschema.Schema]*rule{}
	out := make(map[string]*rule, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out[name] = boil(all[name], known)
	}
	return out
}
