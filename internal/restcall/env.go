package restcall

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"text/template"
	"time"

	_ "time/tzdata" // containers often have none
)

// defaultZone is where times are read and written that say nothing else.
const defaultZone = "Asia/Shanghai"

// environment is what the templates of one file see besides their data. It is
// filled when the file has been read.
type environment struct {
	zone    *time.Location
	now     func() time.Time
	tables  map[string]map[string]string
	secrets map[string]Secret
	live    atomic.Bool // before that, secrets need not be there
}

func newEnvironment() *environment {
	e := &environment{now: time.Now, tables: map[string]map[string]string{}, secrets: map[string]Secret{}}
	e.zone, _ = time.LoadLocation(defaultZone)
	return e
}

type environmentKey struct{}

func environmentOf(ctx context.Context) *environment {
	if e, ok := ctx.Value(environmentKey{}).(*environment); ok {
		return e
	}
	return newEnvironment()
}

// builtins are what is kept of text/template's own functions: those that
// compare and choose, and none that formats widths or calls values.
var builtins = []string{"and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len", "index"}

// inPath and inJSON write a value as a part of a path, and as JSON. They are
// put behind actions where they stand; see mode.
const (
	inPath = "part"
	inJSON = "json"
)

// functions is the closed set that templates may use beside builtins.
func (e *environment) functions() template.FuncMap {
	return template.FuncMap{
		"add":      add,
		"date":     e.date,
		"default":  choose,
		"digits":   func(v any) string { return strings.Map(digit, show(v)) },
		"join":     join,
		inJSON:     jsonText,
		"lookup":   e.lookup,
		"lower":    func(v any) string { return strings.ToLower(show(v)) },
		"mask":     func(v any) string { return maskText(show(v)) },
		"now":      e.at,
		"replace":  replace,
		"secret":   e.secret,
		"trim":     func(v any) string { return strings.TrimSpace(show(v)) },
		"truncate": truncate,
		"unix":     func(at ...any) (int64, error) { t, err := e.or(at); return t.Unix(), err },
		"unixms":   func(at ...any) (int64, error) { t, err := e.or(at); return t.UnixMilli(), err },
		"upper":    func(v any) string { return strings.ToUpper(show(v)) },
		"yuan":     yuan,
		inPath:     pathPart,
	}
}

// Functions names what templates may use.
func Functions() []string {
	names := slices.Clone(builtins)
	for name := range newEnvironment().functions() {
		if name != inPath {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// madeUp stands for a secret that is not there, while a file is checked.
const madeUp = "made-up-secret"

func (e *environment) secret(name string) (string, error) {
	s, ok := e.secrets[name]
	if !ok {
		return "", fmt.Errorf("there is no secret %.40q in secrets", name)
	}
	if !e.live.Load() {
		return madeUp, nil
	}
	v, err := s.Reveal()
	return v.Reveal(), err
}

// lookup is a table's word for a value, or its "*".
func (e *environment) lookup(table string, key any) (string, error) {
	t, ok := e.tables[table]
	if !ok {
		return "", fmt.Errorf("there is no table %.40q in tables", table)
	}
	if v, ok := t[show(key)]; ok {
		return v, nil
	}
	if v, ok := t["*"]; ok {
		return v, nil
	}
	return "", fmt.Errorf("table %.40q has neither the value nor *", table)
}

// at writes the present time in a layout of Go's, and a zone other than the
// file's.
func (e *environment) at(layout string, zone ...string) (string, error) {
	loc, err := e.location(zone)
	if err != nil {
		return "", err
	}
	return bounded(e.now().In(loc).Format(layout))
}

// date writes a time: LAYOUT TIME, or LAYOUT ZONE TIME.
func (e *environment) date(layout string, more ...any) (string, error) {
	if len(more) < 1 || len(more) > 2 {
		return "", errors.New("date: wants LAYOUT TIME or LAYOUT ZONE TIME")
	}
	t, err := timeOf(more[len(more)-1])
	if err != nil || t.IsZero() {
		return "", err
	}
	var zone []string
	if len(more) == 2 {
		zone = []string{show(more[0])}
	}
	loc, err := e.location(zone)
	if err != nil {
		return "", err
	}
	return bounded(t.In(loc).Format(layout))
}

func (e *environment) location(zone []string) (*time.Location, error) {
	if len(zone) == 0 {
		return e.zone, nil
	}
	loc, err := time.LoadLocation(zone[0])
	if err != nil || len(zone) > 1 {
		return nil, fmt.Errorf("unknown time zone %.40q", zone[0])
	}
	return loc, nil
}

// or is a time that is given, or the present.
func (e *environment) or(at []any) (time.Time, error) {
	switch len(at) {
	case 0:
		return e.now(), nil
	case 1:
		return timeOf(at[0])
	}
	return time.Time{}, errors.New("wants one time, or none")
}
