package numberplan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
)

func plan(t testing.TB) *Plan {
	t.Helper()
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParse(t *testing.T) {
	for in, want := range map[string]Number{
		"13800138001": {Mobile, "13800138001"}, "+8613800138001": {Mobile, "13800138001"}, "008613800138001": {Mobile, "13800138001"},
		"8613800138001": {Mobile, "13800138001"}, "013800138001": {Mobile, "13800138001"}, "+86 138-0013-8001": {Mobile, "13800138001"},
		"１３８００１３８００１": {Mobile, "13800138001"}, "19012345678": {Mobile, "19012345678"},
		"01062345678": {Landline, "01062345678"}, "+861062345678": {Landline, "01062345678"}, "(0755) 8234 5678": {Landline, "075582345678"},
		"8675582345678": {Landline, "075582345678"}, "008602087654321": {Landline, "02087654321"}, "0870-1234567": {Landline, "08701234567"},
		"+85223456789": {Abroad, "+85223456789"}, "0085223456789": {Abroad, "+85223456789"}, "+14155550100": {Abroad, "+14155550100"},
		"": {}, "anonymous": {}, "1000": {}, "95588": {}, "4008001234": {}, "+864008001234": {}, "86543210": {}, "12345678901": {}, "+": {}, "0": {},
		"138001380012": {}, "sip:13800138001@x": {}, "1380013800a": {}, strings.Repeat("1", 50): {}, "++8613800138001": {},
	} {
		if got := Parse(in); got != want {
			t.Errorf("%q: got %v, want %v", in, got, want)
		}
	}
}

func TestArea(t *testing.T) {
	p := plan(t)
	for in, want := range map[string]Area{
		"02087654321": {"广东", "广州"}, "+8675582345678": {"广东", "深圳"}, "01062345678": {"北京", "北京"}, "0710 3456789": {"湖北", "襄阳"},
		"0433-2345678": {"吉林", "延边"}, "0974 8123456": {"青海", "海南"}, "0898 66123456": {"海南", "海口"}, "+85223456789": {"香港", "香港"},
		"13800138001": {"北京", "北京"}, "13922210001": {"广东", "广州"}, "+8618980001234": {"四川", "成都"},
		"": {}, "4008001234": {}, "+14155550100": {}, "0666 8123456": {}, "10086": {}, "02012": {},
	} {
		if got, ok := p.Area(in); got != want || ok != (want != Area{}) {
			t.Errorf("%q: got %v %t, want %v", in, got, ok, want)
		}
	}
}

// TestAreaCodesAgree compares the table with libphonenumber's data, which
// other people keep: where both name a place, it is the same one.
func TestAreaCodesAgree(t *testing.T) {
	p := plan(t)
	if n := len(p.areas); n < 330 {
		t.Fatalf("only %d areas", n)
	}
	// Codes whose numbers have moved to a neighbour's code since, and a city
	// that is called otherwise since 2010.
	moved := map[string]bool{"0634": true, "0710": true}
	checked := 0
	err := eachRow(strings.NewReader(areaCodes), func(_ int, code, province, city string) error {
		if code[0] == '+' {
			return nil
		}
		n, err := phonenumbers.Parse(code+"8234567", "CN")
		if err != nil {
			return err
		}
		place, err := phonenumbers.GetGeocodingForNumber(n, "zh")
		if err != nil || place == "中国" || place == "" || moved[code] {
			return err
		}
		checked++
		if !strings.Contains(place, province) || !strings.Contains(place, city) && strings.TrimSuffix(strings.TrimPrefix(place, province), "省") != "" {
			t.Errorf("%s: %s %s, elsewhere %s", code, province, city, place)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if checked < 250 {
		t.Errorf("only %d of the codes could be compared", checked)
	}
}

func TestLoadMobile(t *testing.T) {
	p := plan(t)
	list := "\ufeffprefix,province,city\n# a comment\n\n1380013,广东省,广州市\r\n1300000\t山东\t济南\t中国联通\t0531\n\"1990000\",\"吉林\",\"延边朝鲜族自治州\"\n1990001,海南,三亚市\n"
	n, err := p.LoadMobile(strings.NewReader(list))
	if err != nil || n != 4 {
		t.Fatalf("%d prefixes, %v", n, err)
	}
	for in, want := range map[string]Area{
		"13800138001": {"广东", "广州"}, "13000001234": {"山东", "济南"}, "19900001234": {"吉林", "延边"}, "19900011234": {"海南", "三亚"},
		"13922210001": {"广东", "广州"}, // not in the list
	} {
		if got, ok := p.Area(in); !ok || got != want {
			t.Errorf("%q: got %v, want %v", in, got, want)
		}
	}
}

func TestLoadMobileMistakes(t *testing.T) {
	long := strings.Repeat("州", maxName+1)
	for name, c := range map[string]struct{ list, want string }{
		"empty":           {"", "is empty"},
		"headings only":   {"prefix,province,city\n", "is empty"},
		"short prefix":    {"1380013,广东,广州\n138001,广东,广州\n", "line 2"},
		"landline":        {"0200013,广东,广州\n", "line 1"},
		"two columns":     {"1380013,广东\n", "line 1: needs"},
		"no city":         {"1380013,广东,\n", "line 1: province and city"},
		"twice":           {"1380013,广东,广州\n1380013,广东,深圳\n", "line 2: 1380013 stands twice"},
		"long name":       {"1380013,广东," + long + "\n", "line 1: a name is over"},
		"not UTF-8":       {"1380013,\xb9\xe3\xb6\xab,\xb9\xe3\xd6\xdd\n", "line 1: is not UTF-8"},
		"long line":       {"1380013,广东,广州\n1380014," + strings.Repeat("x", 2*maxLineBytes), "line 2: longer than"},
		"control":         {"1380013,广\x07东,广州\n", "line 1: a name holds"},
		"endless":         {strings.Repeat("x\n", 100), "too many mistakes"},
		"headings second": {"1380013,广东,广州\nprefix,province,city\n", "line 2"},
	} {
		p := plan(t)
		if _, err := p.LoadMobile(strings.NewReader(c.list)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if p.mobile != nil {
			t.Errorf("%s: a list with mistakes is in use", name)
		}
	}
}

func TestListTooLarge(t *testing.T) {
	p := plan(t)
	endless := &repeat{line: []byte("# nothing but a comment that goes on and on\n")}
	if _, err := p.LoadMobile(endless); err == nil || !strings.Contains(err.Error(), "over 64 MB") {
		t.Errorf("%v", err)
	}
}

type repeat struct {
	line []byte
	at   int
}

func (r *repeat) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = r.line[r.at]
		r.at = (r.at + 1) % len(r.line)
	}
	return len(b), nil
}

func FuzzLoadMobile(f *testing.F) {
	for _, s := range []string{"1380013,广东,广州\n", "1380013\t广东\t广州", "prefix,province,city\n1380013,广东省,广州市", "#\n,,,\n\"", "\xff\xfe,1,2", "1380013,a,b\n1380013,a,b"} {
		f.Add(s)
	}
	base, err := New()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := *base
		p.areas, p.index = append([]Area(nil), base.areas...), map[Area]uint16{}
		n, err := p.LoadMobile(strings.NewReader(s))
		if (err == nil) != (n > 0) {
			t.Fatalf("%d prefixes, %v", n, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"+86 138-0013-8001", "(0755) 8234 5678", "00852", "０１０", "+"} {
		f.Add(s)
	}
	p, err := New()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := Parse(s)
		if again := Parse(n.Digits); again != n {
			t.Fatalf("%q is %v, which is %v", s, n, again)
		}
		p.Area(s)
	})
}

func BenchmarkArea(b *testing.B) {
	p := plan(b)
	var list strings.Builder
	for i := range 400000 {
		fmt.Fprintf(&list, "%d,省%d,市%d\n", firstPrefix+i, i%340/11, i%340)
	}
	if _, err := p.LoadMobile(strings.NewReader(list.String())); err != nil {
		b.Fatal(err)
	}
	for name, n := range map[string]string{"landline": "02087654321", "listed": "13800138001", "libphonenumber": "19980001234", "written": "+86 138-0013-8001"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Area(n)
			}
		})
	}
}
