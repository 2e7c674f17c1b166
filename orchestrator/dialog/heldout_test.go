package dialog

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mozillazg/go-pinyin"

	"github.com/tidegate/tidegate/orchestrator/dialog/nlu"
)

// labelled is a sentence with the intents that people would say it has.
type labelled struct {
	text string
	want []string
}

// heldOut reads sentences that no flow holds.
func heldOut(t testing.TB, pattern string) []labelled {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "heldout", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no held-out sentences: %v", err)
	}
	var out []labelled
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for sc := bufio.NewScanner(f); sc.Scan(); {
			line := sc.Text()
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			intents, text, ok := strings.Cut(line, "\t")
			if !ok {
				t.Fatalf("%s: %q has no tab", name, line)
			}
			out = append(out, labelled{text, strings.Split(intents, ",")})
		}
	}
	return out
}

// single are the sentences of one intent.
func single(t testing.TB) []labelled {
	var out []labelled
	for _, p := range []string{"requests.tsv", "questions.tsv", "others.tsv"} {
		out = append(out, heldOut(t, p)...)
	}
	return out
}

// homophones lists, for a syllable without its tone, common characters that
// are read so.
var homophones = func() map[string][]rune {
	out := map[string][]rune{}
	args := pinyin.NewArgs()
	for _, r := range commonCharacters {
		for _, p := range pinyin.SinglePinyin(r, args) {
			out[p] = append(out[p], r)
		}
	}
	return out
}()

// commonCharacters are what a recogniser writes when it hears wrong.
const commonCharacters = "推腿退或货火获伙惑运云晕韵非费飞肥废妃换还环欢缓患定订丁顶单丹胆担耽取区去曲娶消小效笑销削投头偷透诉素宿速苏转专砖赚人任认仁忍工公功供共宫" +
	"款宽狂到道倒刀岛账帐涨张章查差茶叉插物五务雾舞流留六刘榴快块筷会递第地弟低底包报宝保抱果过国锅裹我握卧窝要药腰摇咬想象向香响帮棒邦办半搬伴买卖埋麦迈衣一医依易意鞋些写谢协" +
	"裤哭苦酷裙群钱前千签浅牵发法罚伐客克课刻科服福副付府再在载灾见件建间减规归贵鬼柜策册测侧厕什神深身甚么莫吗妈马麻骂时是事市试候后厚猴号好浩豪多朵夺躲久就九酒旧天添甜田内类泪可渴理里礼利力李" +
	"收首手受瘦售寿品拼频贫聘质之只知直制量亮两凉良题提体替踢坏怀槐碎岁随虽脆不部步布补想箱详项尺吃迟齿马码妈大打答达小晓效孝声生胜升说硕朔话化画花华聊料辽疗名明命鸣机鸡及级季器气起期汽"

// misheard is a sentence as a recogniser may write it: one character replaced
// by another of the same sound, or one syllable left out.
func misheard(text string, rng *rand.Rand) string {
	rs := []rune(text)
	var han []int
	for i, r := range rs {
		if len(pinyin.SinglePinyin(r, pinyin.NewArgs())) > 0 {
			han = append(han, i)
		}
	}
	if len(han) < 3 {
		return text
	}
	at := han[rng.IntN(len(han))]
	if rng.IntN(2) == 0 {
		return string(slices.Delete(rs, at, at+1))
	}
	for range len(han) {
		same := homophones[pinyin.SinglePinyin(rs[at], pinyin.NewArgs())[0]]
		same = slices.DeleteFunc(slices.Clone(same), func(r rune) bool { return r == rs[at] })
		if len(same) > 0 {
			rs[at] = same[rng.IntN(len(same))]
			return string(rs)
		}
		at = han[rng.IntN(len(han))]
	}
	return string(slices.Delete(rs, at, at+1))
}

// tally counts what became of sentences.
type tally struct {
	right, all int
	confused   map[string]map[string]int
	wrong      []string
	// sure and kept count, by tenths of confidence, the sentences and those
	// that are right.
	sure, kept [11]int
}

func judge(m *nlu.Model, sentences []labelled) *tally {
	n := &tally{confused: map[string]map[string]int{}}
	for _, s := range sentences {
		got := m.Classify(s.text)
		want := s.want[0]
		n.all++
		if n.confused[want] == nil {
			n.confused[want] = map[string]int{}
		}
		n.confused[want][got.Intent]++
		bin := int(got.Confidence * 10)
		n.sure[bin]++
		if got.Intent == want {
			n.right++
			n.kept[bin]++
			continue
		}
		n.wrong = append(n.wrong, fmt.Sprintf("%s: %s, got %s %.2f", s.text, want, got.Intent, got.Confidence))
	}
	return n
}

func (n *tally) accuracy() float64 { return float64(n.right) / float64(n.all) }

func (n *tally) recall(intent string) float64 {
	all := 0
	for _, c := range n.confused[intent] {
		all += c
	}
	return float64(n.confused[intent][intent]) / float64(max(all, 1))
}
