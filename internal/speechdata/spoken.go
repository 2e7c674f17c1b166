package speechdata

import (
	"bytes"
	"encoding/binary"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
)

// Line is a sentence and its pinyin with tone numbers, which is what
// espeak-ng reads right.
type Line struct{ Text, Pinyin string }

// Lines are sentences of callers that no recogniser here was trained on.
func Lines() []Line {
	return []Line{
		{"我要退货订单号是一二三四五六", "wo3 yao4 tui4 huo4 ding4 dan1 hao4 shi4 yi1 er4 san1 si4 wu3 liu4"},
		{"我想退款", "wo2 xiang3 tui4 kuan3"},
		{"质量有问题我要退货", "zhi4 liang4 you3 wen4 ti2 wo3 yao4 tui4 huo4"},
		{"订单号是九八七六五四", "ding4 dan1 hao4 shi4 jiu3 ba1 qi1 liu4 wu3 si4"},
		{"请帮我转人工客服", "qing3 bang1 wo3 zhuan3 ren2 gong1 ke4 fu2"},
		{"颜色不对我要换蓝色的", "yan2 se4 bu2 dui4 wo3 yao4 huan4 lan2 se4 de5"},
		{"订单尾号是五零六九", "ding4 dan1 wei3 hao4 shi4 wu3 ling2 liu4 jiu3"},
		{"不是我说的是另外一个订单", "bu2 shi4 wo3 shuo1 de5 shi4 ling4 wai4 yi2 ge4 ding4 dan1"},
		{"快递什么时候到", "kuai4 di4 shen2 me5 shi2 hou4 dao4"},
		{"我不想要了", "wo3 bu4 xiang3 yao4 le5"},
	}
}

// Voices are variants of espeak-ng that no recogniser here was trained on.
func Voices() []string { return []string{"m6", "f4", "klatt3"} }

// Around speech there is silence: as long as a bridge's pre-roll before it,
// and as a voice activity detector needs to see its end after it.
const (
	silenceBefore = 300 * time.Millisecond
	silenceAfter  = 200 * time.Millisecond
)

// Spoken is a caller's sentence, said by a variant of espeak-ng's Mandarin
// voice, at a rate in Hz; at 8000 it went through A-law. A test without the
// program is skipped.
func Spoken(t testing.TB, voice string, line Line, rate int) []int16 {
	t.Helper()
	program, err := exec.LookPath("espeak-ng")
	if err != nil {
		t.Skip("espeak-ng is not installed")
	}
	cmd := exec.CommandContext(t.Context(), program, "-v", "cmn-latn-pinyin+"+voice, "-s", "165", "--stdin", "--stdout")
	cmd.Stdin = strings.NewReader(line.Pinyin)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	const header = 44
	if len(out) < header { // on a pipe the sizes are those of an endless file
		t.Fatalf("espeak-ng gave %d bytes", len(out))
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	binary.LittleEndian.PutUint32(out[40:], uint32(len(out)-header))
	wav, err := audio.ReadWAV(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	pcm := append(audio.Silence(silenceBefore, rate), audio.Resample(wav.Mono(), wav.Rate, rate)...)
	pcm = append(pcm, audio.Silence(silenceAfter, rate)...)
	if rate == 8000 {
		pcm = audio.DecodeALaw(nil, audio.EncodeALaw(nil, pcm))
	}
	return pcm
}
