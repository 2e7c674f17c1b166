package zhtext

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// digitNames are the digits as read out one by one; 一 is 幺 so that it is not
// taken for 七 on the telephone.
var digitNames = []rune("零幺二三四五六七八九")

// ReadDigits reads digits and letters out one by one, in groups of at most
// size with a pause between them: "33781234" in fours is "三三七八，幺二三四".
// Groups are as even as they can be. Anything but digits and ASCII letters is
// left out.
func ReadDigits(s string, size int) string {
	var chars []rune
	for _, r := range Narrow(s) {
		switch {
		case r >= '0' && r <= '9':
			chars = append(chars, digitNames[r-'0'])
		case r >= 'A' && r <= 'Z':
			chars = append(chars, r)
		}
	}
	size = max(size, 1)
	groups := (len(chars) + size - 1) / size
	var b strings.Builder
	for g := range groups {
		if g > 0 {
			b.WriteRune('，')
		}
		n := (len(chars) + groups - g - 1) / (groups - g)
		b.WriteString(string(chars[:n]))
		chars = chars[n:]
	}
	return b.String()
}

// Run is a stretch of digits found in a sentence.
type Run struct {
	// Text is 0-9 and A-Z.
	Text string
	// Start and End are rune offsets into the sentence.
	Start, End int
	// Tail is true when the caller called it the end of a number ("尾号"),
	// Head when its beginning ("开头"), Phone when a telephone number.
	Tail, Head, Phone bool
	// Counted is true when a measure word makes it a count, a date or a
	// price and no number of something.
	Counted bool
}

// Digits is how many of the run's characters are digits.
func (r Run) Digits() int {
	n := 0
	for _, c := range r.Text {
		if c >= '0' && c <= '9' {
			n++
		}
	}
	return n
}

// spokenDigits maps every character that stands for a digit.
var spokenDigits = map[rune]byte{
	'零': '0', '〇': '0', '○': '0', '洞': '0',
	'一': '1', '幺': '1', '妖': '1', '腰': '1', '壹': '1',
	'二': '2', '两': '2', '俩': '2', '贰': '2',
	'三': '3', '叁': '3', '四': '4', '肆': '4', '五': '5', '伍': '5',
	'六': '6', '陆': '6', '七': '7', '拐': '7', '柒': '7',
	'八': '8', '捌': '8', '九': '9', '勾': '9', '钩': '9', '玖': '9',
}

// weakDigits are ordinary words unless digits stand beside them.
const weakDigits = "洞妖腰拐勾钩俩陆○"

func digitOf(r rune) (byte, bool) {
	if r >= '0' && r <= '9' {
		return byte(r), true
	}
	d, ok := spokenDigits[r]
	return d, ok
}

func isLetter(r rune) bool { return r >= 'A' && r <= 'Z' }

// FindDigits finds the numbers in a sentence in every form they are dictated
// in: 幺两洞拐, 二零二六, 三个八, 双六, 三千三百七十八, with letters ("A、B，字母D"),
// with pauses and small words inside. A number that the caller corrects in the
// same sentence is given as corrected ("三三七五，不是五是九").
func FindDigits(sentence string) []Run {
	text := []rune(Narrow(sentence))
	return mend(text, findRuns(text))
}

// findRuns finds the numbers as they are said.
func findRuns(text []rune) []Run {
	var out []Run
	for i := 0; i < len(text); {
		run, ok := readPiece(text, i)
		if !ok {
			i++
			continue
		}
		for !run.Counted && len(run.Text) <= maxDictated {
			next, ok := joined(text, run.End)
			if !ok {
				break
			}
			run.Text, run.End = run.Text+next.Text, next.End
		}
		i = run.End
		if run.Digits() > 0 && !onlyWeak(text[run.Start:run.End]) {
			out = append(out, label(text, run))
		}
	}
	return out
}

// maxDictated bounds a number of several pieces, in characters.
const maxDictated = 64

// readPiece reads digits and letters that follow each other without a pause.
func readPiece(text []rune, start int) (Run, bool) {
	if value, end, ok := readSpelled(text, start); ok {
		return counted(text, Run{Text: value, Start: start, End: end}), true
	}
	var b strings.Builder
	i, repeats := start, false
	for i < len(text) {
		if s, n := readRepeat(text[i:], repeats); n > 0 {
			b.WriteString(s)
			i += n
			repeats = true
			continue
		}
		if d, ok := digitOf(text[i]); ok {
			b.WriteByte(d)
			i++
			continue
		}
		letter, n := readLetter(text[i:])
		if n == 0 {
			break
		}
		b.WriteRune(letter)
		i += n
	}
	if i == start {
		return Run{}, false
	}
	return counted(text, Run{Text: b.String(), Start: start, End: i}), true
}

// readRepeat reads "三个八" and "双六"; n is the runes taken. "一个六" is a
// count of things unless another of its kind stands beside it: "三个八一个六".
func readRepeat(text []rune, beside bool) (s string, n int) {
	if len(text) >= 2 && text[0] == '双' {
		if d, ok := digitOf(text[1]); ok && !measured(text[1:]) {
			return strings.Repeat(string(d), 2), 2
		}
	}
	if len(text) < 3 || text[1] != '个' {
		return "", 0
	}
	count, ok := digitOf(text[0])
	d, also := digitOf(text[2])
	if !ok || !also || count == '0' || measured(text[2:]) && text[3] != '个' {
		return "", 0
	}
	if count == '1' && !beside {
		if _, n := readRepeat(text[3:], true); n == 0 {
			return "", 0
		}
	}
	return strings.Repeat(string(d), int(count-'0')), 3
}

// measured says whether the digit at the front counts something ("双十一",
// "双两件").
func measured(text []rune) bool {
	return len(text) > 1 && strings.ContainsRune("十百千万个件", text[1])
}

// maxSpelled bounds a number with units, in characters.
const maxSpelled = 24

// readSpelled reads a number with its units, "三千三百七十八", as decimal digits.
func readSpelled(text []rune, start int) (string, int, bool) {
	end, units := start, 0
	for end < len(text) && end-start <= maxSpelled {
		r := text[end]
		if strings.ContainsRune("十百千万", r) {
			units++
		} else if _, ok := digitOf(r); !ok || strings.ContainsRune(weakDigits, r) {
			break
		}
		end++
	}
	if units == 0 {
		return "", 0, false
	}
	n, ok := ParseNumber(string(text[start:end]))
	if !ok {
		return "", 0, false
	}
	return decimal(n), end, true
}

// pauses are the characters, pauseWords the words, that may stand inside a
// dictated number. Longer words come before those that they begin with.
const pauses = " ,，、。.…-—–_/嗯呃额啊哦"

var pauseWords = splitWords("短横线 横线 横杠 短横 减号 杠 空格 然后是 然后 接着是 接着 接下来是 接下来 再来 后面是 后面再 还有 那个 就是")

func splitWords(s string) [][]rune {
	var out [][]rune
	for _, w := range strings.Fields(s) {
		out = append(out, []rune(w))
	}
	return out
}

// skipPause is where the next piece of a dictated number may begin.
func skipPause(text []rune, at int) int {
	for i := at; ; {
		start := i
		for i < len(text) && strings.ContainsRune(pauses, text[i]) {
			i++
		}
		for _, w := range pauseWords {
			if len(text)-i >= len(w) && slices.Equal(text[i:i+len(w)], w) {
				i += len(w)
				break
			}
		}
		if i == start {
			return i
		}
	}
}

// joined reads a further piece after a pause inside a dictated number.
func joined(text []rune, at int) (Run, bool) {
	i := skipPause(text, at)
	if i == at {
		return Run{}, false
	}
	piece, ok := readPiece(text, i)
	if !ok || piece.Counted || piece.Digits() == 0 && !lettersOf(text, piece) {
		return Run{}, false
	}
	if piece.End-piece.Start == 1 && piece.Digits() > 0 && piece.End < len(text) && unicode.Is(unicode.Han, text[piece.End]) &&
		!goesOn(text, piece.End) {
		// One digit before a word is a count: "3378，两双都退".
		return Run{}, false
	}
	return piece, true
}

// goesOn says whether more of a dictated number follows a pause.
func goesOn(text []rune, at int) bool {
	i := skipPause(text, at)
	if i == at || i >= len(text) {
		return false
	}
	_, ok := digitOf(text[i])
	return ok
}

// lettersOf says whether letters without digits belong to a number: one that
// stands for itself, or a few that more digits follow. "3378，A款" and "3378 OK"
// have none.
func lettersOf(text []rune, piece Run) bool {
	if goesOn(text, piece.End) {
		return len(piece.Text) <= codeLetters
	}
	if len(piece.Text) > 1 {
		return false
	}
	return piece.End == len(text) || !unicode.Is(unicode.Han, text[piece.End]) || strings.ContainsRune("结收尾", text[piece.End])
}

// counted marks what a measure word follows.
func counted(text []rune, run Run) Run {
	if run.End >= len(text) {
		return run
	}
	n := len(run.Text)
	switch text[run.End] {
	case '块', '元', '圆', '%':
		run.Counted = true
	case '年':
		run.Counted = n <= 4
	case '室', '栋', '幢', '层', '楼', '弄', '巷', '毛', '角', '折':
		run.Counted = n <= 5
	case '月', '日', '号', '点', '天', '件', '个', '双', '只', '条', '次', '周', '分', '岁', '位', '下', '样', '直', '些', '套', '遍', '米', '斤':
		run.Counted = n <= 2
	}
	return run
}

func onlyWeak(text []rune) bool {
	weak := 0
	for _, r := range text {
		if !strings.ContainsRune(weakDigits, r) {
			return false
		}
		weak++
	}
	return weak < 3
}

var (
	tailBefore  = strings.Fields("尾号 后四位 后几位 后三位 后五位 后六位 后面四位 后头 最后 末尾 末四位 最末 尾数 尾巴")
	tailAfter   = strings.Fields("结尾 收尾 的尾号 这个尾")
	headBefore  = regexp.MustCompile(`(?:开头|打头|前面几?位?|前[两三四五六七八几2-8]位)(?:数字|数)?(?:是|:|：)?$`)
	headAfter   = strings.Fields("开头 打头 起头 开始的 带头")
	phoneBefore = strings.Fields("手机 电话")
	houseBefore = regexp.MustCompile(`[路街道巷弄村里园区苑]$`)
)

// label looks at the words around a run.
func label(text []rune, run Run) Run {
	before := string(text[max(0, run.Start-8):run.Start])
	after := string(text[run.End:min(len(text), run.End+4)])
	in := func(s string) func(string) bool { return func(w string) bool { return strings.Contains(s, w) } }
	run.Head = headBefore.MatchString(before) || slices.ContainsFunc(headAfter, in(after))
	run.Tail = slices.ContainsFunc(tailBefore, in(before)) || slices.ContainsFunc(tailAfter, in(after))
	run.Counted = run.Counted || strings.HasSuffix(before, "双") && text[run.Start] == '十' // 双十一
	run.Phone = slices.ContainsFunc(phoneBefore, in(before))
	if houseBefore.MatchString(before) && (strings.HasPrefix(after, "号") || strings.HasPrefix(after, "弄")) ||
		strings.HasPrefix(after, "单元") || strings.HasPrefix(after, "号楼") {
		run.Counted = true // a house, not an order
	}
	return run
}
