package nlu

import (
	"slices"
	"strings"
	"testing"

	"github.com/mozillazg/go-pinyin"
)

// TestSoundIsPinyin: for every character of the dictionary the sound is the
// library's toneless pinyin, with what speakers do not tell apart taken out.
func TestSoundIsPinyin(t *testing.T) {
	args := pinyin.NewArgs()
	wrong := 0
	for code := range pinyin.PinyinDict {
		r := rune(code)
		all := pinyin.SinglePinyin(r, args)
		if len(all) == 0 {
			continue
		}
		want := all[0]
		for _, pair := range [][2]string{{"zh", "z"}, {"ch", "c"}, {"sh", "s"}} {
			if len(want) > 2 && strings.HasPrefix(want, pair[0]) {
				want = pair[1] + want[2:]
			}
		}
		if len(want) > 1 && want[0] == 'n' {
			want = "l" + want[1:]
		}
		if want = strings.TrimSuffix(want, "g"); sound(r) != want {
			if wrong++; wrong < 10 {
				t.Errorf("%c sounds %q, want %q", r, sound(r), want)
			}
		}
	}
	if slices.Contains([]string{"", "推"}, sound('推')) || sound('推') != sound('腿') {
		t.Errorf("推 %q, 腿 %q", sound('推'), sound('腿'))
	}
}
