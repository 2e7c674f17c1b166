package entext

import (
	"slices"
	"strings"
)

// ReadDigits reads digits and letters out one by one, in groups of at most
// size with a pause between: "33781234" in fours is "three three seven eight,
// one two three four". Groups are as even as they can be; anything but digits
// and ASCII letters is left out.
func ReadDigits(s string, size int) string {
	var chars []string
	for _, r := range strings.ToUpper(s) {
		switch {
		case r >= '0' && r <= '9':
			chars = append(chars, small[r-'0'])
		case r >= 'A' && r <= 'Z':
			chars = append(chars, string(r))
		}
	}
	size = max(size, 1)
	n := (len(chars) + size - 1) / size
	groups := make([]string, 0, n)
	for g := range n {
		k := (len(chars) + n - g - 1) / (n - g)
		groups = append(groups, strings.Join(chars[:k], " "))
		chars = chars[k:]
	}
	return strings.Join(groups, ", ")
}

// Run is a stretch of digits found in a sentence.
type Run struct {
	// Text is 0-9 and A-Z.
	Text string
	// Start and End are rune offsets into the sentence.
	Start, End int
	// Tail is true when the caller called it the end of a number, Head when
	// the beginning.
	Tail, Head bool
	// Counted is true when what follows makes it a count, a date or a price.
	Counted bool
}

var (
	spoken = map[string]string{
		"zero": "0", "oh": "0", "o": "0", "nought": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6",
		"seven": "7", "eight": "8", "nine": "9", "niner": "9", "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13",
		"fourteen": "14", "fifteen": "15", "sixteen": "16", "seventeen": "17", "eighteen": "18", "nineteen": "19",
	}
	spokenTens = map[string]string{
		"twenty": "2", "thirty": "3", "forty": "4", "fifty": "5", "sixty": "6", "seventy": "7", "eighty": "8", "ninety": "9",
	}
	repeats = map[string]int{"double": 2, "triple": 3, "treble": 3}
	// between may stand within a number that is spelled out.
	between = []string{"um", "uh", "er", "then", "dash", "hyphen"}
	// counted are what numbers count.
	counted = strings.Fields("day days week weeks month months year years yuan dollar dollars percent item items piece pieces " +
		"pair pairs times order orders oclock am pm minutes minute hours hour things of")
	// beside are words that may stand beside a lone digit.
	beside    = strings.Fields("um uh er and then it is its a an the so okay ok just yes yeah well")
	tailWords = []string{" ending ", " ends ", " end ", " last ", " final "}
	headWords = []string{" starts ", " starting ", " start ", " begins ", " beginning "}
)

// FindDigits finds the numbers in a sentence that may name something: written
// ("3378", "33 78"), spelled ("three three seven eight", "double three oh
// seven") or in pairs ("thirty-three seventy-eight"). A single digit in words
// is none, unless nothing else is said.
func FindDigits(sentence string) []Run {
	ws := words(sentence)
	var runs []Run
	for i := 0; i < len(ws); {
		text, next := digitsAt(ws, i)
		if text == "" {
			i++
			continue
		}
		r := Run{Text: strings.ToUpper(text), Start: ws[i].start, End: ws[next-1].end}
		r.Counted = next < len(ws) && slices.Contains(counted, ws[next].text) && len(text) < 5
		before := plain(string([]rune(sentence)[:r.Start]))
		r.Tail, r.Head = announced(before, tailWords, 8), announced(before, headWords, 4)
		if n := len(runs); n > 0 && begunAnew(ws, runs[n-1].End, r.Start) {
			// "3378, no, 3379": only what is said last counts.
			r.Tail = r.Tail || runs[n-1].Tail
			runs = runs[:n-1]
		}
		if len(r.Text) > 1 || alone(ws, i, next) {
			runs = append(runs, r)
		}
		i = next
	}
	return runs
}

// alone says whether a sentence is nothing but a digit, as the rest of a number
// is; "oh" by itself is none.
func alone(ws []word, from, to int) bool {
	for i, w := range ws {
		inside := i >= from && i < to
		if inside && (w.text == "oh" || w.text == "o") || !inside && !slices.Contains(beside, w.text) {
			return false
		}
	}
	return true
}

// announced says whether one of the words stands at most so many words before
// a number: "the last four digits are 3378".
func announced(before string, list []string, words int) bool {
	for _, w := range list {
		if at := strings.LastIndex(before, w); at >= 0 && strings.Count(before[at:], " ") <= words {
			return true
		}
	}
	return false
}

// digitsAt reads a number from word i on, and gives the word behind it.
func digitsAt(ws []word, i int) (text string, next int) {
	next = i
	for j := i; j < len(ws); {
		part, n := partAt(ws, j)
		if part == "" {
			if text == "" || !slices.Contains(between, ws[j].text) {
				break
			}
			j++
			continue
		}
		text += part
		j += n
		next = j
	}
	return text, next
}

// partAt reads one word of a number, or the few that belong together.
func partAt(ws []word, i int) (text string, n int) {
	w := ws[i].text
	if isCode(w) {
		return w, 1
	}
	if times, ok := repeats[w]; ok && i+1 < len(ws) {
		if d, _ := partAt(ws, i+1); len(d) == 1 {
			return strings.Repeat(d, times), 2
		}
		return "", 0
	}
	if t, ok := spokenTens[w]; ok {
		if i+1 < len(ws) {
			if d := spoken[ws[i+1].text]; len(d) == 1 && d != "0" {
				return t + d, 2
			}
		}
		return t + "0", 1
	}
	return spoken[w], 1
}

// isCode says whether a word is written in digits, with letters perhaps.
func isCode(w string) bool {
	digits := 0
	for _, r := range w {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r < 'a' || r > 'z':
			return false
		}
	}
	// "1st" and "2nd" are none.
	return digits == len(w) || digits >= 2 && !strings.HasSuffix(w, "st") && !strings.HasSuffix(w, "nd") &&
		!strings.HasSuffix(w, "rd") && !strings.HasSuffix(w, "th")
}
