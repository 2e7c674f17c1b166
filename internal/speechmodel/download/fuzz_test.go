package download

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func FuzzParseList(f *testing.F) {
	f.Add("a.tar.bz2\t" + digest("a") + "\n")
	f.Add(digest("a") + " *dir/a.tar.bz2\n# " + digest("b") + " three fields\n")
	f.Fuzz(func(t *testing.T, text string) {
		for name, sum := range parseList(strings.NewReader(text)) {
			if !hex64.MatchString(sum) || strings.Contains(name, "/") && name != "/" {
				t.Fatalf("%q: %q", name, sum)
			}
		}
	})
}

// Whatever an archive holds, nothing is written beside its folder, no link
// in it, and no more than is allowed.
func FuzzUnpack(f *testing.F) {
	if b, err := os.ReadFile("testdata/quiet.tar.bz2"); err == nil {
		f.Add(b)
	}
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, archive []byte) {
		outer := t.TempDir()
		dir := filepath.Join(outer, "new")
		file := filepath.Join(outer, "a")
		if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(file, archive, 0o644)); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = root.Close() }()
		_ = unpack(t.Context(), file, 1<<16, root, func(name string) (string, bool) { return name, true })
		if names, _ := os.ReadDir(outer); len(names) != 2 {
			t.Fatalf("written beside the folder: %v", names)
		}
		var bytes int64
		_ = filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err != nil || !info.Mode().IsRegular() {
				t.Fatalf("%s is no file: %v", p, err)
			}
			bytes += info.Size()
			return nil
		})
		if bytes > 1<<16 {
			t.Fatalf("%d bytes", bytes)
		}
	})
}
