package numberplan

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed areacodes.tsv
var areaCodes string

// Area is where a number belongs, without the words for the kind of place:
// "广东", "广州".
type Area struct{ Province, City string }

// The span of seven-digit mobile prefixes.
const (
	firstPrefix = 1300000
	lastPrefix  = 1999999
)

// Plan finds the places of numbers. It is immutable once it is in use, and
// then safe for concurrent use.
type Plan struct {
	areas  []Area // index 0 is none
	index  map[Area]uint16
	cities map[string][]string // province → its cities
	codes  [10000]uint16       // by the digits after the 0: 20 is 020, 755 is 0755
	abroad map[string]uint16   // by "+" and country code
	mobile []uint16            // from firstPrefix; nil without a list
	known  func(digits string) (province, city string, ok bool)
}

// New is the plan of the embedded table and libphonenumber's data. It takes
// a fifth of a second and some 20 MB, which is what that data needs in memory.
func New() (*Plan, error) {
	p := &Plan{
		areas: make([]Area, 1, 512), index: map[Area]uint16{}, cities: map[string][]string{}, abroad: map[string]uint16{},
		known: libphonenumber,
	}
	err := eachRow(strings.NewReader(areaCodes), func(line int, code, province, city string) error {
		a := Area{province, city}
		if _, ok := p.index[a]; !ok {
			p.cities[province] = append(p.cities[province], city)
		}
		i, err := p.place(a)
		if err != nil {
			return err
		}
		if strings.HasPrefix(code, "+") {
			p.abroad[code] = i
			return nil
		}
		n, ok := number(code)
		if !ok || len(code) < 3 || len(code) > 4 || code[0] != '0' {
			return fmt.Errorf("%q is no area code", code)
		}
		p.codes[n] = i
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("area codes: %w", err)
	}
	p.known("13800138000") // loads what is loaded once
	return p, nil
}

// place is the number of an area in the table.
func (p *Plan) place(a Area) (uint16, error) {
	if i, ok := p.index[a]; ok {
		return i, nil
	}
	if len(p.areas) == maxAreas {
		return 0, errTooManyAreas
	}
	i := uint16(len(p.areas))
	p.areas = append(p.areas, a)
	p.index[a] = i
	return i, nil
}

// Area finds where a number belongs, whatever form it is written in.
func (p *Plan) Area(s string) (Area, bool) {
	n := Parse(s)
	switch n.Kind {
	case Landline:
		return p.landline(n.Digits)
	case Mobile:
		return p.mobileArea(n.Digits)
	case Abroad:
		if len(n.Digits) >= 4 {
			i := p.abroad[n.Digits[:4]]
			return p.areas[i], i > 0
		}
	}
	return Area{}, false
}

// landline looks at three digits (010, 02x), then at four.
func (p *Plan) landline(d string) (Area, bool) {
	for n := 3; n <= 4; n++ {
		if code, ok := number(d[:n]); ok {
			if i := p.codes[code]; i > 0 && (n == 3) == (code < 100) {
				return p.areas[i], true
			}
		}
	}
	return Area{}, false
}

func (p *Plan) mobileArea(d string) (Area, bool) {
	if p.mobile != nil {
		if n, ok := number(d[:7]); ok && n >= firstPrefix && n <= lastPrefix {
			if i := p.mobile[n-firstPrefix]; i > 0 {
				return p.areas[i], true
			}
		}
	}
	province, city, ok := p.known(d)
	if !ok {
		return Area{}, false
	}
	return p.canonical(province, city), true
}

// canonical is an area by its short names: 广州市 is 广州, 延边朝鲜族自治州 is 延边. A city that the
// table of area codes does not have keeps its name.
func (p *Plan) canonical(province, city string) Area {
	province = shortProvince(province)
	for _, known := range p.cities[province] {
		if strings.HasPrefix(city, known) {
			return Area{province, known}
		}
	}
	return Area{province, strings.TrimSuffix(city, "市")}
}

// provinces by their short names.
var provinces = []string{
	"北京", "天津", "河北", "山西", "内蒙古", "辽宁", "吉林", "黑龙江", "上海", "江苏", "浙江", "安徽", "福建", "江西", "山东", "河南", "湖北", "湖南",
	"广东", "广西", "海南", "重庆", "四川", "贵州", "云南", "西藏", "陕西", "甘肃", "青海", "宁夏", "新疆", "香港", "澳门", "台湾",
}

func shortProvince(s string) string {
	for _, p := range provinces {
		if strings.HasPrefix(s, p) {
			return p
		}
	}
	return s
}

// number reads up to seven digits.
func number(s string) (int, bool) {
	if len(s) == 0 || len(s) > 7 || !plainDigits(s) {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

// Areas lists the places of the table of area codes and of the list.
func (p *Plan) Areas() []Area { return append([]Area(nil), p.areas[1:]...) }
