package dialect

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestVocabulary(t *testing.T) {
	form := regexp.MustCompile(`^([a-z]{3}|zh|zh-[a-z]{2,12})$`)
	names := map[string]string{}
	ids := map[string]bool{}
	for _, d := range All() {
		if !form.MatchString(d.ID) || ids[d.ID] || len(d.ID) > 32 {
			t.Errorf("id %q", d.ID)
		}
		ids[d.ID] = true
		if d.En == "" || d.Zh == "" {
			t.Errorf("%s has no name", d.ID)
		}
		for _, n := range d.Names() {
			if other := names[n]; other != "" {
				t.Errorf("%q is %s and %s", n, other, d.ID)
			}
			names[n] = d.ID
			if len([]rune(n)) < 2 {
				t.Errorf("%q is too short to be recognised", n)
			}
		}
		if d.Of != "" && !Known(d.Of) {
			t.Errorf("%s is of %q, which is unknown", d.ID, d.Of)
		}
	}
	if n := len(All()); n < 30 || All()[0].ID != Mandarin || len(IDs()) != n {
		t.Errorf("%d dialects, the first is %s", n, All()[0].ID)
	}
	if _, ok := Lookup("klingon"); ok {
		t.Error("klingon is known")
	}
}

func TestChain(t *testing.T) {
	for id, want := range map[string][]string{
		"": nil, "zh": nil, "yue": {"yue"}, "zh-shanghai": {"zh-shanghai", "wuu"}, "zh-liaoning": {"zh-liaoning", "zh-dongbei"},
		"zh-shanxi": {"zh-shanxi", "cjy"}, "zh-sichuan": {"zh-sichuan"}, "unheard": {"unheard"},
	} {
		if got := Chain(id); !slices.Equal(got, want) {
			t.Errorf("%q: %v", id, got)
		}
	}
}

func TestServed(t *testing.T) {
	for _, c := range []struct {
		id        string
		available []string
		want      string
	}{
		{"yue", []string{"yue"}, "yue"}, {"zh-shanghai", []string{"yue", "wuu"}, "wuu"}, {"zh-shanghai", []string{"wuu", "zh-shanghai"}, "zh-shanghai"},
		{"wuu", []string{"yue", "zh-shanghai"}, "zh-shanghai"}, {"zh-dongbei", []string{"zh-liaoning"}, "zh-liaoning"}, {"zh-suzhou", []string{"zh-shanghai"}, ""}, {"zh", nil, "zh"}, {"yue", nil, ""}, {"zh-sichuan", []string{"zh"}, ""}, {"", []string{"yue"}, ""},
	} {
		got, ok := Served(c.id, c.available)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%s of %v: %q %t", c.id, c.available, got, ok)
		}
	}
}

func TestSame(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"", "zh", true}, {"wuu", "zh-shanghai", true}, {"zh-shanghai", "wuu", true}, {"yue", "zh", false}, {"zh-sichuan", "", false},
		{"yue", "nan", false}, {"zh-suzhou", "zh-shanghai", false},
	} {
		if Same(c.a, c.b) != c.want {
			t.Errorf("%s, %s", c.a, c.b)
		}
	}
}

func TestName(t *testing.T) {
	if Name("yue", "zh-CN") != "粤语" || Name("yue", "en-US") != "Cantonese" || Name("x", "") != "x" {
		t.Error("names")
	}
}

func TestAreas(t *testing.T) {
	a := DefaultAreas()
	for place, want := range map[[2]string]string{
		{"广东", "广州"}: "yue", {"广东", "汕头"}: "nan", {"广东", "深圳"}: "", {"上海", "上海"}: "zh-shanghai", {"四川", "绵阳"}: "zh-sichuan",
		{"福建", "厦门"}: "nan", {"内蒙古", "阿拉善"}: "", {"香港", "香港"}: "yue", {"", ""}: "", {"法国", "巴黎"}: "",
	} {
		if got := a.Of(place[0], place[1]); got != want {
			t.Errorf("%v: %q, want %q", place, got, want)
		}
	}
}

func TestAreasMistakes(t *testing.T) {
	_, err := ReadAreas(strings.NewReader("# ok\n广东\t*\tyue\n广东,*,yue\n广东\t广州\n海南\t*\tklingon\n"))
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"line 3: 广东 * stands twice", "line 4: needs", "line 5: unknown dialect"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
	if _, err := ReadAreas(strings.NewReader(strings.Repeat("#", maxAreaBytes+1))); err == nil {
		t.Error("a table without end is accepted")
	}
}

func FuzzReadAreas(f *testing.F) {
	f.Add("广东\t*\tyue\n")
	f.Add("广东,广州,-\n#\n,,")
	f.Fuzz(func(t *testing.T, s string) {
		if a, err := ReadAreas(strings.NewReader(s)); err == nil {
			a.Of("广东", "广州")
		}
	})
}
