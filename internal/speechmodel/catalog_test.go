package speechmodel

import (
	"io/fs"
	"path"
	"strings"
	"testing"
)

// Each manifest stands in the file of its name and says where its files come
// from and what they should be.
func TestCatalog(t *testing.T) {
	names, err := fs.Glob(manifests, "manifests/*.yaml")
	if err != nil || len(names) != len(Catalog()) {
		t.Fatalf("%d files, %d manifests: %v", len(names), len(Catalog()), err)
	}
	for _, name := range names {
		if want := strings.TrimSuffix(path.Base(name), ".yaml"); !contains(want) {
			t.Errorf("%s describes another model", name)
		}
	}
	for _, e := range Catalog() {
		if e.Description == "" || e.DescriptionZh == "" || e.Source == "" {
			t.Errorf("%s: a description or its page is missing", e.Name)
		}
		if e.LicenceURL == "" && e.LicenceNote == "" {
			t.Errorf("%s: nothing says where its licence stands", e.Name)
		}
		if e.Use != UseVAD && e.Use != UseDenoise && e.Use != UseVocoder && len(e.Languages) == 0 {
			t.Errorf("%s: no language", e.Name)
		}
		if a := e.Archive; a != nil && a.SHA256 == "" && a.ChecksumsURL == "" {
			t.Errorf("%s: its archive has no checksum and no list of them", e.Name)
		}
		for _, f := range e.Files {
			if e.Archive == nil && f.URL == "" {
				t.Errorf("%s: %s comes from nowhere", e.Name, f.Path)
			}
			if f.URL != "" && f.SHA256 == "" {
				t.Errorf("%s: %s is downloaded and has no checksum", e.Name, f.Path)
			}
		}
	}
}

func contains(name string) bool { _, ok := Lookup(name); return ok }

func TestCatalogReachesDialects(t *testing.T) {
	reached := map[string]bool{}
	for _, e := range Catalog() {
		if e.Use == UseStreaming || e.Use == UseOffline {
			for _, d := range e.Dialects {
				reached[d] = true
			}
		}
	}
	if len(reached) < 30 {
		t.Errorf("%d dialects", len(reached))
	}
	for _, d := range []string{"yue", "wuu", "nan", "zh-sichuan", "zh-henan", "zh-tianjin", "zh-shandong", "zh-wenzhou"} {
		if !reached[d] {
			t.Errorf("no model for %s", d)
		}
	}
}
