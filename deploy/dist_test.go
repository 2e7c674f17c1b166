// Package deploy_test holds the scripts beside it to what they promise.
package deploy_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// dist builds what is given to others, and moves it, as its users do.
func dist(t *testing.T, cgo string) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("dist.sh is for Linux")
	}
	built := filepath.Join(t.TempDir(), "built")
	cmd := exec.Command("./dist.sh", built)
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(built, moved); err != nil {
		t.Fatal(err)
	}
	return moved
}

func version(t *testing.T, dir string, env ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	cmd := exec.Command(filepath.Join(dir, "tidegate"), "--version")
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = "/", append(os.Environ(), env...), &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &errs)
	}
	return out.String(), errs.String()
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"*", "*/*"} {
		names, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, name := range names {
			if info, err := os.Stat(name); err == nil && !info.IsDir() {
				rel, _ := filepath.Rel(dir, name)
				out = append(out, rel)
			}
		}
	}
	slices.Sort(out)
	return out
}

func TestDistWithSherpa(t *testing.T) {
	if out, err := exec.Command("sh", "-c", "command -v ${CC:-gcc}").CombinedOutput(); err != nil {
		t.Skipf("there is no C compiler here: %s", out)
	}
	dir := dist(t, "1")
	want := []string{
		"lib/libonnxruntime.so", "lib/libsherpa-onnx-c-api.so",
		"licenses/README.txt", "licenses/onnxruntime.txt", "licenses/sherpa-onnx.txt", "licenses/tidegate.txt", "tidegate",
	}
	if got := files(t, dir); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	f, err := elf.Open(filepath.Join(dir, "tidegate"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	paths, err := f.DynString(elf.DT_RUNPATH)
	if err != nil || !slices.Equal(paths, []string{"$ORIGIN/lib:/usr/local/lib/tidegate"}) {
		t.Errorf("run paths %v, %v: who builds is in them, or the folder is not", paths, err)
	}
	out, loader := version(t, dir, "LD_DEBUG=libs")
	if !strings.Contains(out, "sherpa-onnx 1.") {
		t.Errorf("version: %s", out)
	}
	for _, library := range []string{"libsherpa-onnx-c-api.so", "libonnxruntime.so"} {
		if !strings.Contains(loader, "calling init: "+filepath.Join(dir, "lib", library)) {
			t.Errorf("%s is not the one beside the binary", library)
		}
	}
}

func TestDistAlone(t *testing.T) {
	dir := dist(t, "0")
	if got, want := files(t, dir), []string{"licenses/tidegate.txt", "tidegate"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	f, err := elf.Open(filepath.Join(dir, "tidegate"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if libraries, err := f.ImportedLibraries(); err == nil && len(libraries) > 0 {
		t.Errorf("needs %v", libraries)
	}
	if out, _ := version(t, dir); !strings.Contains(out, "built without cgo: no sherpa-onnx") {
		t.Errorf("version: %s", out)
	}
}
