package speechmodel

// Dialect is a way of speaking Chinese that models and routing name. Its id
// is the ISO 639-3 code where there is one (yue, wuu, nan), else zh- and the
// region, as Dolphin's region tokens have it, in small letters.
type Dialect struct {
	ID string
	Zh string
	En string
	// Of is the wider dialect that a model for it may understand as well: wuu
	// for zh-shanghai. Regions of Mandarin have zh.
	Of string
}

var dialects = []Dialect{
	{"zh", "普通话", "Mandarin", ""},
	{"zh-tw", "台湾国语", "Taiwanese Mandarin", "zh"},
	{"zh-beijing", "北京话", "Beijing", "zh"},
	{"zh-tianjin", "天津话", "Tianjin", "zh"},
	{"zh-hebei", "河北话", "Hebei", "zh"},
	{"zh-shandong", "山东话", "Shandong", "zh"},
	{"zh-henan", "河南话", "Henan", "zh"},
	{"zh-dongbei", "东北话", "Northeast", "zh"},
	{"zh-liaoning", "辽宁话", "Liaoning", "zh-dongbei"},
	{"zh-shaanxi", "陕西话", "Shaanxi", "zh"},
	{"zh-gansu", "甘肃话", "Gansu", "zh"},
	{"zh-ningxia", "宁夏话", "Ningxia", "zh"},
	{"zh-sichuan", "四川话", "Sichuan", "zh"},
	{"zh-chongqing", "重庆话", "Chongqing", "zh-sichuan"},
	{"zh-guizhou", "贵州话", "Guizhou", "zh"},
	{"zh-yunnan", "云南话", "Yunnan", "zh"},
	{"zh-guangxi", "广西话", "Guangxi", "zh"},
	{"zh-hubei", "湖北话", "Hubei", "zh"},
	{"zh-anhui", "安徽话", "Anhui", "zh"},
	{"zh-jiangsu", "江苏话", "Jiangsu", "zh"},
	{"cjy", "晋语", "Jin", "zh"},
	{"zh-shanxi", "山西话", "Shanxi", "cjy"},
	{"yue", "粤语", "Cantonese", ""},
	{"zh-guangdong", "广东话", "Guangdong", "yue"},
	{"wuu", "吴语", "Wu", ""},
	{"zh-shanghai", "上海话", "Shanghai", "wuu"},
	{"zh-suzhou", "苏州话", "Suzhou", "wuu"},
	{"zh-hangzhou", "杭州话", "Hangzhou", "wuu"},
	{"zh-ningbo", "宁波话", "Ningbo", "wuu"},
	{"zh-shaoxing", "绍兴话", "Shaoxing", "wuu"},
	{"zh-jiaxing", "嘉兴话", "Jiaxing", "wuu"},
	{"zh-taizhou", "台州话", "Taizhou", "wuu"},
	{"zh-wenzhou", "温州话", "Wenzhou", "wuu"},
	{"zh-zhejiang", "浙江话", "Zhejiang", "wuu"},
	{"nan", "闽南语", "Southern Min", ""},
	{"cdo", "闽东语", "Eastern Min", ""},
	{"zh-fujian", "福建话", "Fujian", ""}, // models do not say which Min
	{"hak", "客家话", "Hakka", ""},
	{"gan", "赣语", "Gan", ""},
	{"zh-jiangxi", "江西话", "Jiangxi", "gan"},
	{"hsn", "湘语", "Xiang", ""},
	{"zh-hunan", "湖南话", "Hunan", "hsn"},
}

var dialectByID = func() map[string]Dialect {
	m := make(map[string]Dialect, len(dialects))
	for _, d := range dialects {
		m[d.ID] = d
	}
	return m
}()

// Dialects lists all dialects, Mandarin's first.
func Dialects() []Dialect { return append([]Dialect(nil), dialects...) }

// LookupDialect finds a dialect by its id.
func LookupDialect(id string) (Dialect, bool) {
	d, ok := dialectByID[id]
	return d, ok
}
