package speechmodel

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"sync"
)

//go:embed manifests/*.yaml
var manifests embed.FS

// Entry is a manifest with its text, which is installed beside the files.
type Entry struct {
	Manifest
	Text []byte
}

var uses = []string{UseStreaming, UseOffline, UsePunctuation, UseTTS, UseVocoder, UseVAD, UseDenoise}

var catalog = sync.OnceValue(func() []Entry {
	var out []Entry
	names, err := fs.Glob(manifests, "manifests/*.yaml")
	for _, name := range names {
		var b []byte
		if b, err = manifests.ReadFile(name); err != nil {
			break
		}
		var m Manifest
		if m, err = Parse(b); err != nil {
			err = fmt.Errorf("%s: %w", name, err)
			break
		}
		out = append(out, Entry{m, b})
	}
	if err != nil { // a test reads all of them, so no build has this
		panic(err)
	}
	slices.SortStableFunc(out, func(a, b Entry) int {
		return cmp.Or(slices.Index(uses, a.Use)-slices.Index(uses, b.Use), cmp.Compare(a.Name, b.Name))
	})
	return out
})

// Catalog lists the built-in manifests by use and name.
func Catalog() []Entry { return slices.Clone(catalog()) }

// Lookup finds a built-in manifest.
func Lookup(name string) (Entry, bool) {
	i := slices.IndexFunc(catalog(), func(e Entry) bool { return e.Name == name })
	if i < 0 {
		return Entry{}, false
	}
	return catalog()[i], true
}
