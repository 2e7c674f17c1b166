package restcall

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// JSONData brings a value to the form that templates and expressions work on:
// maps, slices, strings, numbers, booleans, null, by its JSON.
func JSONData(v any) (any, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return DecodeJSON(b)
}

// DecodeJSON reads one JSON value. Whole numbers that a float64 would round
// (ids of more than 15 digits) become strings of their digits.
func DecodeJSON(b []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if !ended(dec) {
		return nil, errors.New("more than one JSON value")
	}
	return plain(v), nil
}

// ended says that nothing follows; More takes a bracket for the end.
func ended(dec *json.Decoder) bool {
	_, err := dec.Token()
	return errors.Is(err, io.EOF)
}

const exact = 1 << 53

func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = plain(e)
		}
	case []any:
		for i, e := range v {
			v[i] = plain(e)
		}
	case json.Number:
		f, err := v.Float64()
		if err != nil || (f >= exact || f <= -exact) && !strings.ContainsAny(v.String(), ".eE") {
			return v.String()
		}
		return f
	}
	return v
}
