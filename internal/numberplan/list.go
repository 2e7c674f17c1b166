package numberplan

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Bounds of a list of mobile prefixes.
const (
	maxListBytes = 64 << 20
	maxLineBytes = 512
	maxAreas     = 4096
	maxName      = 24 // characters of a province or city
	maxErrors    = 20 // then reading stops
)

// Errors of lists.
var (
	ErrList         = errors.New("list of numbers")
	errTooManyAreas = fmt.Errorf("over %d different areas", maxAreas)
	errTooLarge     = fmt.Errorf("%w: over %d MB", ErrList, maxListBytes>>20)
)

// LoadMobile reads a list of mobile prefixes, which then comes before
// libphonenumber's data. Each line is the first seven digits of the numbers,
// province and city, separated by commas or tabs; more columns are passed
// over, as are lines that begin with # and a first line of headings. Every
// mistake is reported with its line, up to a score of them. It returns how
// many prefixes there are.
func (p *Plan) LoadMobile(r io.Reader) (int, error) {
	table := make([]uint16, lastPrefix-firstPrefix+1)
	count := 0
	err := eachRow(r, func(line int, prefix, province, city string) error {
		n, ok := number(prefix)
		if !ok || len(prefix) != 7 || n < firstPrefix || n > lastPrefix {
			return fmt.Errorf("%.20q is no prefix of seven digits from 1300000", prefix)
		}
		if table[n-firstPrefix] != 0 {
			return fmt.Errorf("%s stands twice", prefix)
		}
		i, err := p.place(p.canonical(province, city))
		if err != nil {
			return err
		}
		table[n-firstPrefix] = i
		count++
		return nil
	})
	if err != nil {
		return 0, err
	}
	if count == 0 {
		return 0, fmt.Errorf("%w: is empty", ErrList)
	}
	p.mobile = table
	return count, nil
}

// eachRow gives each line's first three columns to row.
func eachRow(r io.Reader, row func(line int, key, province, city string) error) error {
	limited := &io.LimitedReader{R: r, N: maxListBytes + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(make([]byte, 0, maxLineBytes), maxLineBytes)
	var errs []error
	line, first := 0, true
	for lines.Scan() && len(errs) < maxErrors {
		line++
		text := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if text == "" || text[0] == '#' {
			continue
		}
		headings := first && !strings.ContainsAny(text, "0123456789")
		first = false
		if headings && utf8.ValidString(text) {
			continue
		}
		key, province, city, err := columns(text)
		if err == nil {
			err = row(line, key, province, city)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%w: line %d: %w", ErrList, line, err))
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		errs = append(errs, fmt.Errorf("%w: line %d: longer than %d bytes", ErrList, line+1, maxLineBytes))
	case err != nil:
		errs = append(errs, fmt.Errorf("%w: line %d: %w", ErrList, line+1, err))
	case limited.N <= 0:
		errs = append(errs, errTooLarge)
	case len(errs) == maxErrors:
		errs = append(errs, fmt.Errorf("%w: too many mistakes, the rest was not read", ErrList))
	}
	return errors.Join(errs...)
}

func columns(text string) (key, province, city string, err error) {
	separator := ","
	if strings.Contains(text, "\t") {
		separator = "\t"
	}
	fields := strings.Split(text, separator)
	if len(fields) < 3 {
		return "", "", "", errors.New("needs a number, a province and a city")
	}
	for i := range 3 {
		fields[i] = strings.Trim(strings.TrimSpace(fields[i]), `"`)
	}
	for _, name := range fields[1:3] {
		switch {
		case name == "":
			return "", "", "", errors.New("province and city must be named")
		case !utf8.ValidString(name):
			return "", "", "", errors.New("is not UTF-8")
		case utf8.RuneCountInString(name) > maxName:
			return "", "", "", fmt.Errorf("a name is over %d characters", maxName)
		case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == utf8.RuneError }):
			return "", "", "", errors.New("a name holds what cannot be printed")
		}
	}
	return fields[0], fields[1], fields[2], nil
}
