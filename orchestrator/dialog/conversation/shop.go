package conversation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/tidegate/tidegate/orchestrator/dialog"
)

// ShopFile is the name of the shop beside conversations.
const ShopFile = "shop.yaml"

// ErrFormat is wrapped by every error of the content of a file.
var ErrFormat = errors.New("conversation")

// Shop is what conversations take place in: a day, and orders.
type Shop struct {
	// Now is when the conversations take place.
	Now time.Time `json:"now"`
	// Ticket is the number of every ticket.
	Ticket string `json:"ticket"`
	// Callers are the orders that a telephone number leads to; Others are found
	// by their own number only.
	Callers map[string][]dialog.Order `json:"callers"`
	Others  []dialog.Order            `json:"others"`
}

// Find answers as the order worker does: by telephone number, else by the
// order's number or its end.
func (s Shop) Find(q dialog.FindOrders) []dialog.Order {
	if q.Phone != "" && q.LastDigits == "" && q.Number == "" {
		return s.Callers[q.Phone]
	}
	var out []dialog.Order
	take := func(orders []dialog.Order) {
		for _, o := range orders {
			if o.Number == q.Number || q.LastDigits != "" && strings.HasSuffix(o.Number, q.LastDigits) {
				out = append(out, o)
			}
		}
	}
	take(s.Others)
	phones := make([]string, 0, len(s.Callers))
	for phone := range s.Callers {
		phones = append(phones, phone)
	}
	slices.Sort(phones)
	for _, phone := range phones {
		take(s.Callers[phone])
	}
	return out
}

// LoadShop reads a shop.
func LoadShop(fsys fs.FS, name string) (Shop, error) {
	var s Shop
	data, err := read(fsys, name)
	if err != nil {
		return s, err
	}
	// Orders have one description, in JSON.
	js, err := toJSON(data)
	if err != nil {
		return s, located(name, err)
	}
	dec := json.NewDecoder(bytes.NewReader(js))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return s, fmt.Errorf("%w: %s: %w", ErrFormat, name, err)
	}
	if s.Now.IsZero() || s.Ticket == "" {
		return s, fmt.Errorf("%w: %s: needs now and ticket", ErrFormat, name)
	}
	return s, nil
}

var errYAML = errors.New("the YAML cannot be read")

func toJSON(data []byte) (js []byte, err error) {
	defer func() { // goccy/go-yaml 1.19 panics on some sequences of a wrong tag
		if recover() != nil {
			err = errYAML
		}
	}()
	return yaml.YAMLToJSON(data)
}
