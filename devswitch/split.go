package devswitch

import "strings"

// splitArguments cuts a command's arguments as FreeSWITCH does: at blanks, or at
// the character after a leading ^^; single quotes hold a delimiter, a backslash
// escapes quotes, the delimiter and itself, and \n \r \t \s are characters. The
// last of limit fields keeps the rest.
func splitArguments(s string, limit int) []string {
	delim := byte(' ')
	if len(s) > 3 && s[0] == '^' && s[1] == '^' {
		delim, s = s[2], s[3:]
	}
	var fields []string
	for len(s) > 0 {
		if delim == ' ' {
			if s = strings.TrimLeft(s, " "); s == "" {
				break
			}
		}
		if len(fields) == limit-1 {
			fields = append(fields, cleanField(s, delim))
			break
		}
		end := fieldEnd(s, delim)
		fields = append(fields, cleanField(s[:end], delim))
		if end == len(s) {
			break
		}
		s = s[end+1:]
	}
	return fields
}

func fieldEnd(s string, delim byte) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == '\'' && (quoted || strings.IndexByte(s[i+1:], '\'') >= 0):
			quoted = !quoted
		case s[i] == delim && !quoted:
			return i
		}
	}
	return len(s)
}

func cleanField(s string, delim byte) string {
	s = strings.TrimLeft(s, " ")
	out := make([]byte, 0, len(s))
	end, quoted := 0, false
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			if c, ok := unescape(s[i+1], delim); ok {
				i++
				out = append(out, c)
				end = len(out)
				continue
			}
		}
		if s[i] == '\'' && (quoted || strings.IndexByte(s[i+1:], '\'') >= 0) {
			if quoted = !quoted; quoted {
				end = len(out)
			}
			continue
		}
		out = append(out, s[i])
		if s[i] != ' ' || quoted {
			end = len(out)
		}
	}
	return string(out[:end])
}

func unescape(c, delim byte) (byte, bool) {
	switch c {
	case '\'', '"', '\\', delim:
		return c, true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 's':
		return ' ', true
	default:
		return 0, false
	}
}
