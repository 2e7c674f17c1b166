// Package config loads one configuration from its four sources, each
// stronger than the one before: defaults, file (YAML), environment, flags.
// All errors are reported at once.
package config

import (
	"encoding"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/goccy/go-yaml"
	koanfyaml "github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// EnvPrefix begins every environment variable that is read. The variable of
// the key orchestrator.esl.listen is TIDEGATE_ORCHESTRATOR_ESL_LISTEN.
const EnvPrefix = "TIDEGATE_"

// foreignEnv begin with the prefix and are nobody's configuration.
var foreignEnv = []string{EnvPrefix + "TEST_", EnvPrefix + "SPEECH_DATA", EnvPrefix + "CONFIG"}

// Leaf is one key of a configuration.
type Leaf struct {
	Key   string // dotted: orchestrator.esl.listen
	Help  string
	Value reflect.Value
}

// Env is the environment variable of the key.
func (l Leaf) Env() string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(l.Key, ".", "_"))
}

// Leaves lists the keys of a struct (or a pointer to one) in the order of
// its fields.
func Leaves(cfg any) []Leaf {
	var out []Leaf
	walk(reflect.Indirect(reflect.ValueOf(cfg)), "", &out)
	return out
}

func walk(v reflect.Value, prefix string, out *[]Leaf) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, inline := nameOf(f)
		if inline {
			walk(v.Field(i), prefix, out)
			continue
		}
		if name == "" || name == "-" {
			continue
		}
		if f.Type.Kind() == reflect.Struct {
			walk(v.Field(i), prefix+name+".", out)
			continue
		}
		*out = append(*out, Leaf{Key: prefix + name, Help: f.Tag.Get("help"), Value: v.Field(i)})
	}
}

// nameOf is a field's key; inline says that its struct's keys stand among
// those of the struct that holds it.
func nameOf(f reflect.StructField) (name string, inline bool) {
	name, rest, _ := strings.Cut(f.Tag.Get("koanf"), ",")
	return name, rest == "squash"
}

// AddFlags registers a flag for each key below the sections. Values are
// checked by Load, together with everything else.
func AddFlags(fs *pflag.FlagSet, cfg any, sections ...string) {
	for _, l := range Leaves(cfg) {
		section, _, _ := strings.Cut(l.Key, ".")
		if !slices.Contains(sections, section) {
			continue
		}
		fs.String(l.Key, "", l.Help+defaultNote(l))
	}
}

func defaultNote(l Leaf) string {
	s := show(l.Value)
	if s == "" {
		return ""
	}
	return " (default " + s + ")"
}

func show(v reflect.Value) string {
	if v.Kind() == reflect.Map && v.Len() == 0 {
		return ""
	}
	switch x := v.Interface().(type) {
	case []string:
		return strings.Join(x, ",")
	case Secret:
		return x.String()
	case time.Duration:
		return x.String()
	default:
		return fmt.Sprint(x)
	}
}

// Source says where values come from besides the defaults in the struct.
type Source struct {
	File  string   // may be empty
	Env   []string // os.Environ()
	Flags *pflag.FlagSet
}

// Load fills cfg, which holds the defaults and is a pointer to a struct. It
// does not validate.
func Load(cfg any, src Source) error {
	k := koanf.New(".")
	var errs []error
	if src.File != "" {
		if err := k.Load(file.Provider(src.File), koanfyaml.Parser()); err != nil {
			return fmt.Errorf("configuration file %s: %w", src.File, err)
		}
	}
	leaves := Leaves(cfg)
	env, err := fromEnv(leaves, src.Env)
	if err != nil {
		errs = append(errs, err)
	}
	if err := k.Load(confmap.Provider(env, "."), nil); err != nil {
		return err
	}
	if err := k.Load(confmap.Provider(fromFlags(leaves, src.Flags), "."), nil); err != nil {
		return err
	}
	err = k.UnmarshalWithConf("", cfg, koanf.UnmarshalConf{Tag: "koanf", DecoderConfig: &mapstructure.DecoderConfig{
		Result: cfg, TagName: "koanf", WeaklyTypedInput: true, ErrorUnused: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(), mapstructure.TextUnmarshallerHookFunc(), listHook, mapHook,
		),
	}})
	return errors.Join(append(errs, readable(err)...)...)
}

// listHook reads a comma-separated list; an empty string is an empty list.
func listHook(from, to reflect.Type, v any) (any, error) {
	if from.Kind() != reflect.String || to != reflect.TypeFor[[]string]() {
		return v, nil
	}
	out := []string{}
	for p := range strings.SplitSeq(v.(string), ",") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out, nil
}

// mapHook reads a map from a variable or flag: YAML on one line, such as
// {name: {key: value}}; an empty string is an empty map.
func mapHook(from, to reflect.Type, v any) (any, error) {
	if from.Kind() != reflect.String || to.Kind() != reflect.Map {
		return v, nil
	}
	out, err := koanfyaml.Parser().Unmarshal([]byte(v.(string)))
	if err != nil {
		return nil, errors.New("must be a map, {name: value}")
	}
	return out, nil
}

func fromEnv(leaves []Leaf, environ []string) (map[string]any, error) {
	keys := make(map[string]string, len(leaves))
	for _, l := range leaves {
		keys[l.Env()] = l.Key
	}
	out := map[string]any{}
	var errs []error
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, EnvPrefix) || slices.ContainsFunc(foreignEnv, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		key, ok := keys[name]
		if !ok {
			errs = append(errs, fmt.Errorf("environment variable %s: no such key", name))
			continue
		}
		out[key] = value
	}
	return out, errors.Join(errs...)
}

func fromFlags(leaves []Leaf, fs *pflag.FlagSet) map[string]any {
	out := map[string]any{}
	if fs == nil {
		return out
	}
	known := make(map[string]bool, len(leaves))
	for _, l := range leaves {
		known[l.Key] = true
	}
	fs.Visit(func(f *pflag.Flag) {
		if known[f.Name] {
			out[f.Name] = f.Value.String()
		}
	})
	return out
}

// readable takes mapstructure's collected errors apart.
func readable(err error) []error {
	if err == nil {
		return nil
	}
	var joined interface{ WrappedErrors() []error }
	if errors.As(err, &joined) {
		return joined.WrappedErrors()
	}
	return []error{err}
}

// Effective prints a configuration as YAML, secrets masked.
func Effective(cfg any) ([]byte, error) {
	return yaml.Marshal(tree(reflect.Indirect(reflect.ValueOf(cfg))))
}

func tree(v reflect.Value) yaml.MapSlice {
	var out yaml.MapSlice
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, inline := nameOf(f)
		if inline {
			out = append(out, tree(v.Field(i))...)
			continue
		}
		if name == "" || name == "-" {
			continue
		}
		item := yaml.MapItem{Key: name}
		switch x := v.Field(i).Interface().(type) {
		case Secret:
			item.Value = x.String()
		case time.Duration:
			item.Value = x.String()
		default:
			if _, text := x.(encoding.TextMarshaler); f.Type.Kind() == reflect.Struct && !text {
				item.Value = tree(v.Field(i))
			} else {
				item.Value = x
			}
		}
		out = append(out, item)
	}
	return out
}

// DefaultFile is the configuration file when none is named: $TIDEGATE_CONFIG,
// else tidegate.yaml if it is there, else none.
func DefaultFile() string {
	if f := os.Getenv(EnvPrefix + "CONFIG"); f != "" {
		return f
	}
	if _, err := os.Stat("tidegate.yaml"); err == nil {
		return "tidegate.yaml"
	}
	return ""
}
