package orchestrator

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDialectRoute(t *testing.T) {
	list := filepath.Join(t.TempDir(), "prefixes.csv")
	if err := os.WriteFile(list, []byte("1380013,四川,成都\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := DialectConfig{
		Available: []string{"yue", "wuu", "zh-sichuan"}, MobilePrefixes: list, ByArea: true,
		Called: []string{"4008*=yue", "4008123456=zh", "0208*=yue", "95588=wuu", "400812* = zh-sichuan"},
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		called, caller string
		want           dialectRoute
	}{
		{"4008", "13922210001", dialectRoute{"yue", "called", "yue"}},
		{"4008123456", "13922210001", dialectRoute{"zh", "called", "yue"}},
		{"+86 4008123456", "13922210001", dialectRoute{"zh", "called", "yue"}},
		{"4008121111", "", dialectRoute{"zh-sichuan", "called", ""}},
		{"02087654321", "", dialectRoute{"yue", "called", ""}}, {"+862087654321", "", dialectRoute{"yue", "called", ""}},
		{"95588", "", dialectRoute{"wuu", "called", ""}}, {"955881", "", dialectRoute{}},
		{"1000", "+8613922210001", dialectRoute{"yue", "area", "yue"}}, {"1000", "13800138001", dialectRoute{"zh-sichuan", "area", "zh-sichuan"}},
		{"1000", "02187654321", dialectRoute{"wuu", "area", "zh-shanghai"}}, {"1000", "01087654321", dialectRoute{}},
		{"1000", "0592 2345678", dialectRoute{}}, {"", "anonymous", dialectRoute{}}, {"", "", dialectRoute{}},
	} {
		r, err := newDialectRouter(cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if got := r.route(c.called, c.caller); got != c.want {
			t.Errorf("%q from %q: %+v, want %+v", c.called, c.caller, got, c.want)
		}
	}
	cfg.ByArea = false
	r, err := newDialectRouter(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.route("1000", "13922210001"); got != (dialectRoute{likely: "yue"}) {
		t.Errorf("without by_area: %+v", got)
	}
}

func TestNoDialects(t *testing.T) {
	r, err := newDialectRouter(DialectConfig{ByArea: true}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.route("4008", "13922210001"); got != (dialectRoute{}) || r.plan != nil {
		t.Errorf("%+v", got)
	}
}

func TestDialectConfigMistakes(t *testing.T) {
	folder := t.TempDir()
	bad := DialectConfig{
		Available: []string{"yue", "yue", "klingon", "zh"}, Reports: -1, Areas: filepath.Join(folder, "none"), MobilePrefixes: folder,
		Called: []string{"4008", "=yue", "40*8=yue", "4008=klingon", "4008*=nan", "400=yue", "400 =yue", "x400=yue"},
	}
	err := bad.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"yue stands twice", `unknown dialect "klingon"`, `unknown dialect "zh"`, "reports: must be", "areas: ", "is a folder",
		`NUMBER=DIALECT, is "4008"`, `NUMBER=DIALECT, is "=yue"`, `NUMBER=DIALECT, is "40*8=yue"`, "nan is none of dialects.available",
		`"400 =yue": the number stands twice`, `NUMBER=DIALECT, is "x400=yue"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing like %q in\n%v", want, err)
		}
	}
	broken := filepath.Join(folder, "broken.csv")
	if err := os.WriteFile(broken, []byte("1380013,广东,广州\n12,广东,广州\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newDialectRouter(DialectConfig{Available: []string{"yue"}, MobilePrefixes: broken}, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("%v", err)
	}
	if _, err := newDialectRouter(DialectConfig{Available: []string{"yue"}, Areas: broken}, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "line 1: unknown dialect") {
		t.Errorf("%v", err)
	}
}
