package zhtext

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Fix is what a caller says is wrong with a number given before: "不是五是九",
// "最后一位是九".
type Fix struct {
	// From is what was misheard, To what it should be. From is empty when
	// the place says which character is meant.
	From, To string
	// Place is the character's place from 1, or from the end: -1 is the last;
	// 0 when From says which.
	Place int
}

// Apply corrects a number; false when the correction does not fit it. Of
// several places that From may mean it takes the last, as people correct what
// they have just heard.
func (f Fix) Apply(number string) (string, bool) {
	at := len(number) + f.Place
	switch {
	case f.Place > 0:
		at = f.Place - 1
	case f.Place == 0:
		at = strings.LastIndex(number, f.From)
	}
	size := max(len(f.From), 1)
	if f.Place != 0 {
		size = len(f.To)
	}
	if at < 0 || at+size > len(number) || f.To == "" || f.From == "" && f.Place == 0 {
		return "", false
	}
	return number[:at] + f.To + number[at+size:], true
}

// FindFix finds a correction of a number that is not in the sentence itself.
func FindFix(sentence string) (Fix, bool) {
	text := []rune(Narrow(sentence))
	if f, _, _, ok := fixByPlace(string(text)); ok {
		return f, true
	}
	runs := findRuns(text)
	for i := range runs {
		if i+1 < len(runs) && fixes(text, runs[i], runs[i+1]) {
			return Fix{From: runs[i].Text, To: runs[i+1].Text}, true
		}
		if i+1 < len(runs) && turned(text, runs[i], runs[i+1]) {
			return Fix{From: runs[i+1].Text, To: runs[i].Text}, true
		}
	}
	return Fix{}, false
}

var (
	denied  = regexp.MustCompile(`(?:^|[^是])不是(?:尾号|订单号|单号|字母)?$`)
	instead = regexp.MustCompile(`^(?:那个|的|这个)?[啊呀吧哈]?[ ,，。、]*(?:而|应该|应当|它|其实|我说的|我是说)*是(?:尾号|订单号|单号|字母)?[ ,，、]*$`)
	changed = regexp.MustCompile(`^(?:改成|改为|换成)(?:是)?$`)
	// onItsOwn is a correction without 把; exchanges are spoken of with 换成.
	onItsOwn = regexp.MustCompile(`(?:^|[ ,，。、])$`)
	renamed  = regexp.MustCompile(`^(?:应该)?改[成为](?:是)?$`)
	change   = regexp.MustCompile(`[把将]$`)
	begun    = regexp.MustCompile(`^[ ,，。、]*(?:哦|噢|啊|哎|呃|嗯|那个)*[ ,，。、]*(?:(?:不对|错了|说错了|念错了|报错了|不是)+[啊呀了]?|不+[ ,，、])[ ,，。、]*(?:不对|说错了|我说错了)?[ ,，。、]*(?:应该|应当|我说的|重新来|重说)*[ ,，。、]*是?(?:尾号|订单号)?(?:是)?[ ,，、]*$`)
	placed   = regexp.MustCompile(`(倒数第|最后|末尾|第)([一二两三四五六七八九1-9]?)(?:位数字|位数|个数字|个数|个字母|位)(?:那个|上)?(?:应该|应当)?(?:不是[^是]{1,3})?(?:[ ,，])?(?:应该|应当)?(?:是|改成|改为|换成)(?:字母)?([0-9A-Z零〇一二两三四五六七八九幺洞拐勾])`)
	// onlyDenied is a denial of what comes after, not of what stands before.
	onlyDenied = regexp.MustCompile(`[^,，。、 ]?不是(?:尾号|订单号)?$`)
	lastPlace  = []string{"最后", "末尾"}
)

// fixes says whether one run denies another: "不是五是九", "把五改成九".
func fixes(text []rune, a, b Run) bool {
	if a.Counted || b.Counted {
		return false
	}
	before := string(text[max(0, a.Start-6):a.Start])
	between := string(text[a.End:b.Start])
	return denied.MatchString(before) && instead.MatchString(between) || change.MatchString(before) && changed.MatchString(between) ||
		onItsOwn.MatchString(before) && renamed.MatchString(between)
}

var (
	affirmed = regexp.MustCompile(`(?:^|[^不])是$`)
	notThat  = regexp.MustCompile(`^[ ,，、]*而?不是$`)
)

// turned says whether the second run is denied and the first affirmed: "是九不是五".
func turned(text []rune, a, b Run) bool {
	return !a.Counted && !b.Counted && len(a.Text) == len(b.Text) &&
		affirmed.MatchString(string(text[max(0, a.Start-2):a.Start])) && notThat.MatchString(string(text[a.End:b.Start]))
}

var (
	severalPlaces = regexp.MustCompile(`(最后|末尾|后面?|前面?)(?:两|二|2)位(?:数字|数)?(?:应该|应当)?(?:是|改成|改为|换成)([0-9零〇一二两三四五六七八九幺洞拐勾]{2})`)
	firstIs       = regexp.MustCompile(`第([一二三四五六七八九1-9])个(?:应该|应当)?是([0-9零〇一二两三四五六七八九幺洞拐勾])[吧啊呀]?$`)
)

// fixOfPlaces finds "最后两位是七九", and "第一个是幺" where nothing follows.
func fixOfPlaces(text string) (f Fix, from, to int, ok bool) {
	at := severalPlaces.FindStringSubmatchIndex(text)
	few := at == nil
	if few {
		at = firstIs.FindStringSubmatchIndex(text)
	}
	if at == nil {
		return Fix{}, 0, 0, false
	}
	from = utf8.RuneCountInString(text[:at[0]])
	to = from + utf8.RuneCountInString(text[at[0]:at[1]])
	if r, _ := utf8.DecodeRuneInString(text[at[1]:]); !few && at[1] < len(text) {
		if _, more := digitOf(r); more {
			return Fix{}, 0, 0, false // a number of its own
		}
	}
	where := text[at[2]:at[3]]
	f = Fix{To: digitsOf(text[at[4]:at[5]]), Place: -2}
	switch {
	case few:
		f.Place = int(digitsOf(where)[0] - '0')
	case strings.HasPrefix(where, "前"):
		f.Place = 1
	}
	return f, from, to, true
}

// fixByPlace finds "最后一位是九"; from and to are the rune offsets of it.
func fixByPlace(text string) (f Fix, from, to int, ok bool) {
	m := placed.FindStringSubmatch(text)
	if m == nil {
		return fixOfPlaces(text)
	}
	at := placed.FindStringIndex(text)
	from = utf8.RuneCountInString(text[:at[0]])
	to = from + utf8.RuneCountInString(m[0])
	n := 0
	if r, _ := utf8.DecodeRuneInString(m[2]); m[2] != "" {
		d, _ := digitOf(r)
		n = int(d - '0')
	}
	switch {
	case slices.Contains(lastPlace, m[1]):
		if n > 1 {
			return fixOfPlaces(text) // "the last four are" is a number, no correction
		}
		n = -1
	case m[1] == "倒数第":
		n = -n
	}
	char := m[3]
	r, _ := utf8.DecodeRuneInString(char)
	if d, ok := digitOf(r); ok {
		char = string(d)
	}
	return Fix{To: char, Place: n}, from, to, n != 0
}

// mend carries out the corrections within a sentence: "三三七五，不是五是九",
// "三三七五，不对，三三七九", "不是三三七五，是三三七九".
func mend(text []rune, runs []Run) []Run {
	if len(runs) < 2 {
		return runs
	}
	runs = mendPlace(text, runs)
	var out []Run
	for i := 0; i < len(runs); i++ {
		run := runs[i]
		last := len(out) - 1
		switch {
		case i+1 < len(runs) && fixes(text, run, runs[i+1]):
			to := runs[i+1]
			i++
			if last >= 0 {
				if s, ok := (Fix{From: run.Text, To: to.Text}).Apply(out[last].Text); ok && len(run.Text) < len(out[last].Text) {
					out[last].Text, out[last].End = s, to.End
					continue
				}
			}
			to.Tail = to.Tail || run.Tail
			out = append(out, to)
		case last >= 0 && i+1 < len(runs) && turned(text, run, runs[i+1]) && !out[last].Counted && len(run.Text) < len(out[last].Text):
			if s, ok := (Fix{From: runs[i+1].Text, To: run.Text}).Apply(out[last].Text); ok {
				out[last].Text, out[last].End = s, runs[i+1].End
			}
			i++
		case last >= 0 && !out[last].Counted && !run.Counted && begun.MatchString(string(text[out[last].End:run.Start])):
			if onlyDenied.MatchString(string(text[out[last].End:run.Start])) {
				continue // "是三三七八不是三三七九"
			}
			// What is shorter replaces the end of what was said before.
			old := out[last]
			if len(run.Text) < len(old.Text) && !run.Tail {
				run.Text = old.Text[:len(old.Text)-len(run.Text)] + run.Text
			}
			run.Start, run.Tail, run.Head, run.Phone = old.Start, run.Tail || old.Tail, run.Head || old.Head, run.Phone || old.Phone
			out[last] = run
		default:
			out = append(out, run)
		}
	}
	return out
}

// mendPlace carries out "最后一位是九" on the number before it.
func mendPlace(text []rune, runs []Run) []Run {
	fix, from, to, ok := fixByPlace(string(text))
	if !ok {
		return runs
	}
	at := -1
	for i, r := range runs {
		if r.Start < to && r.Start >= from && r.End > to && len(r.Text) > 1 {
			// "最后一位是三，九九二三": the whole number after its digit.
			runs[i].Text, runs[i].Start = r.Text[1:], to
			return runs[i:]
		}
		if r.End <= from && !r.Counted && len(r.Text) > 1 {
			at = i
		}
	}
	if at < 0 {
		return runs
	}
	fixed, ok := fix.Apply(runs[at].Text)
	if !ok {
		return runs
	}
	runs[at].Text = fixed
	return slices.DeleteFunc(runs, func(r Run) bool { return r.Start >= from && r.End <= to })
}
