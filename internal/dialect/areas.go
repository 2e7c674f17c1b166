package dialect

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"
)

//go:embed areas.tsv
var embeddedAreas string

// anywhere stands for all cities of a province that have no line of their own.
const anywhere = "*"

// maxAreaBytes bounds a table of areas.
const maxAreaBytes = 1 << 20

// ErrAreas is wrapped by every error of a table of areas.
var ErrAreas = errors.New("dialects of areas")

type area struct{ province, city string }

// Areas says what is likely to be spoken where. It is immutable.
type Areas struct{ of map[area]string }

// DefaultAreas is the embedded table.
func DefaultAreas() *Areas {
	a, err := ReadAreas(strings.NewReader(embeddedAreas))
	if err != nil {
		panic("dialect: the embedded table is broken: " + err.Error())
	}
	return a
}

// ReadAreas reads a table: province, city (* for all others of the province)
// and dialect (- for none), separated by tabs or commas, # before comments.
// Every mistake is reported with its line.
func ReadAreas(r io.Reader) (*Areas, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxAreaBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAreas, err)
	}
	if len(text) > maxAreaBytes {
		return nil, fmt.Errorf("%w: over %d bytes", ErrAreas, maxAreaBytes)
	}
	a := &Areas{of: map[area]string{}}
	var errs []error
	for i, line := range strings.Split(strings.TrimPrefix(string(text), "\ufeff"), "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		if err := a.add(line); err != nil {
			errs = append(errs, fmt.Errorf("%w: line %d: %w", ErrAreas, i+1, err))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return a, nil
}

func (a *Areas) add(line string) error {
	fields := strings.FieldsFunc(line, func(r rune) bool { return r == '\t' || r == ',' })
	if len(fields) != 3 {
		return errors.New("needs province, city and dialect")
	}
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	at := area{fields[0], fields[1]}
	switch _, twice := a.of[at]; {
	case twice:
		return fmt.Errorf("%s %s stands twice", at.province, at.city)
	case fields[2] == "-":
		a.of[at] = ""
	case !Known(fields[2]):
		return fmt.Errorf("unknown dialect %.32q", fields[2])
	default:
		a.of[at] = fields[2]
	}
	return nil
}

// Of is what is likely to be spoken in a city; "" when that is Mandarin or
// not known.
func (a *Areas) Of(province, city string) string {
	if d, ok := a.of[area{province, city}]; ok {
		return d
	}
	return a.of[area{province, anywhere}]
}
