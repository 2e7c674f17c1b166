// Package dialect is the closed vocabulary of the ways in which Chinese is
// spoken: what routing, recognisers and the dialogue call them, what callers
// call them, and where they are spoken. It is pure.
package dialect

import (
	"slices"
	"strings"
)

// Mandarin is what every recogniser understands unless it is kept for
// dialects only; it is where a call begins and what a caller can always go
// back to.
const Mandarin = "zh"

// Dialect is one way of speaking. Its id is the ISO 639-3 code where there is
// one (yue, wuu, nan), else zh- and the region in pinyin, in small letters.
type Dialect struct {
	ID string
	Zh string // as said to callers
	En string
	// Of is the wider dialect that a recogniser for it may understand as
	// well: wuu for zh-shanghai. Regions of Mandarin have zh.
	Of string
	// Spoken are the other names that callers have for it.
	Spoken []string
}

var table = []Dialect{
	{Mandarin, "普通话", "Mandarin", "", []string{"国语", "标准话", "标准国语"}},
	{"zh-tw", "台湾国语", "Taiwanese Mandarin", Mandarin, []string{"台湾腔"}},
	{"zh-beijing", "北京话", "Beijing", Mandarin, []string{"京腔", "京片子"}},
	{"zh-tianjin", "天津话", "Tianjin", Mandarin, nil},
	{"zh-hebei", "河北话", "Hebei", Mandarin, []string{"唐山话", "保定话", "石家庄话", "邯郸话"}},
	{"zh-shandong", "山东话", "Shandong", Mandarin, []string{"济南话", "青岛话", "胶东话", "烟台话", "潍坊话", "临沂话"}},
	{"zh-henan", "河南话", "Henan", Mandarin, []string{"郑州话", "洛阳话", "开封话", "南阳话", "中原话"}},
	{"zh-dongbei", "东北话", "Northeastern", Mandarin, []string{"吉林话", "黑龙江话", "哈尔滨话", "长春话"}},
	{"zh-liaoning", "辽宁话", "Liaoning", "zh-dongbei", []string{"沈阳话", "大连话"}},
	{"zh-shaanxi", "陕西话", "Shaanxi", Mandarin, []string{"西安话", "关中话"}},
	{"zh-gansu", "甘肃话", "Gansu", Mandarin, []string{"兰州话"}},
	{"zh-ningxia", "宁夏话", "Ningxia", Mandarin, []string{"银川话"}},
	{"zh-qinghai", "青海话", "Qinghai", Mandarin, []string{"西宁话"}},
	{"zh-xinjiang", "新疆话", "Xinjiang", Mandarin, []string{"乌鲁木齐话"}},
	{"zh-sichuan", "四川话", "Sichuan", Mandarin, []string{"成都话", "川话", "绵阳话", "自贡话"}},
	{"zh-chongqing", "重庆话", "Chongqing", "zh-sichuan", nil},
	{"zh-guizhou", "贵州话", "Guizhou", Mandarin, []string{"贵阳话", "遵义话"}},
	{"zh-yunnan", "云南话", "Yunnan", Mandarin, []string{"昆明话"}},
	{"zh-guangxi", "广西话", "Guangxi", Mandarin, []string{"桂林话", "柳州话", "桂柳话"}},
	{"zh-hubei", "湖北话", "Hubei", Mandarin, []string{"武汉话", "宜昌话", "襄阳话"}},
	{"zh-anhui", "安徽话", "Anhui", Mandarin, []string{"合肥话", "阜阳话"}},
	{"zh-jiangsu", "江苏话", "Jiangsu", Mandarin, []string{"南京话", "扬州话", "徐州话"}},
	{"cjy", "晋语", "Jin", Mandarin, []string{"呼市话"}},
	{"zh-shanxi", "山西话", "Shanxi", "cjy", []string{"太原话", "大同话"}},
	{"yue", "粤语", "Cantonese", "", []string{"广东话", "白话", "广州话", "广府话", "香港话", "南宁白话", "粤话", "省城话"}},
	{"zh-guangdong", "广东普通话", "Mandarin of Guangdong", Mandarin, nil},
	{"wuu", "吴语", "Wu", "", []string{"江浙话", "吴侬软语", "金华话", "湖州话", "无锡话", "常州话"}},
	{"zh-shanghai", "上海话", "Shanghai", "wuu", []string{"沪语", "上海闲话"}},
	{"zh-suzhou", "苏州话", "Suzhou", "wuu", nil},
	{"zh-hangzhou", "杭州话", "Hangzhou", "wuu", nil},
	{"zh-ningbo", "宁波话", "Ningbo", "wuu", nil},
	{"zh-shaoxing", "绍兴话", "Shaoxing", "wuu", nil},
	{"zh-jiaxing", "嘉兴话", "Jiaxing", "wuu", nil},
	{"zh-taizhou", "台州话", "Taizhou", "wuu", nil},
	{"zh-wenzhou", "温州话", "Wenzhou", "wuu", nil},
	{"zh-zhejiang", "浙江话", "Zhejiang", "wuu", nil},
	{"nan", "闽南语", "Southern Min", "", []string{"闽南话", "厦门话", "泉州话", "漳州话", "潮汕话", "潮州话", "汕头话", "台语", "台湾话", "河洛话", "福佬话"}},
	{"cdo", "闽东语", "Eastern Min", "", []string{"福州话", "宁德话", "闽东话"}},
	{"mnp", "闽北语", "Northern Min", "", []string{"闽北话", "建瓯话"}},
	{"cpx", "莆仙话", "Puxian Min", "", []string{"莆田话", "仙游话"}},
	{"zh-fujian", "福建话", "Fujian", "", nil}, // models do not say which Min
	{"hak", "客家话", "Hakka", "", []string{"客家语", "客语", "客话", "梅州话", "梅县话", "惠州话"}},
	{"gan", "赣语", "Gan", "", []string{"南昌话", "赣话"}},
	{"zh-jiangxi", "江西话", "Jiangxi", "gan", nil},
	{"hsn", "湘语", "Xiang", "", []string{"长沙话", "湘潭话", "株洲话", "湘话"}},
	{"zh-hunan", "湖南话", "Hunan", "hsn", nil},
	{"czh", "徽语", "Huizhou", "", []string{"徽州话", "黄山话"}},
}

var byID = func() map[string]int {
	m := make(map[string]int, len(table))
	for i, d := range table {
		m[d.ID] = i
	}
	return m
}()

// All lists every dialect, Mandarin first.
func All() []Dialect { return slices.Clone(table) }

// Lookup finds a dialect by its id.
func Lookup(id string) (Dialect, bool) {
	i, ok := byID[id]
	if !ok {
		return Dialect{}, false
	}
	return table[i], true
}

// Known says whether an id is in the vocabulary.
func Known(id string) bool { _, ok := byID[id]; return ok }

// IDs lists every id, Mandarin's first.
func IDs() []string {
	out := make([]string, len(table))
	for i, d := range table {
		out[i] = d.ID
	}
	return out
}

// Names are what callers may call it, the usual one first.
func (d Dialect) Names() []string { return append([]string{d.Zh}, d.Spoken...) }

// Name is a dialect in the language of a flow or page ("zh-CN", "en-US");
// an id that is in no table is its own name.
func Name(id, language string) string {
	d, ok := Lookup(id)
	switch {
	case !ok:
		return id
	case strings.HasPrefix(strings.ToLower(language), "en"):
		return d.En
	}
	return d.Zh
}

// Chain is a dialect and the wider ones that it belongs to, without Mandarin:
// whoever knows one of them may understand the first. It is empty for
// Mandarin and for "".
func Chain(id string) []string {
	var out []string
	for id != "" && id != Mandarin && !slices.Contains(out, id) {
		out = append(out, id)
		d, _ := Lookup(id)
		id = d.Of
	}
	return out
}

// Served is the dialect among those available that is best for id: id itself,
// then wider ones, then the first that is a part of it, as models are named
// for a province where people name a region. Mandarin always is.
func Served(id string, available []string) (string, bool) {
	if id == Mandarin {
		return Mandarin, true
	}
	for _, c := range Chain(id) {
		if slices.Contains(available, c) {
			return c, true
		}
	}
	for _, a := range available {
		if d, _ := Lookup(a); id != "" && d.Of == id {
			return a, true
		}
	}
	return "", false
}

// Same says whether two ids may be taken for one another: a recogniser that
// was given wuu and reports zh-shanghai has heard what it was asked for.
// "" is Mandarin.
func Same(a, b string) bool {
	if a == "" {
		a = Mandarin
	}
	if b == "" {
		b = Mandarin
	}
	return a == b || slices.Contains(Chain(a), b) || slices.Contains(Chain(b), a)
}
