package tts

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// How digits are read one by one.
var digitPinyin = [10]string{"ling2", "yi1", "er4", "san1", "si4", "wu3", "liu4", "qi1", "ba1", "jiu3"}

// How Chinese speakers name the Latin letters, in syllables that espeak-ng's
// Mandarin voice knows.
var letterPinyin = [26][]string{
	{"ei1"}, {"bi4"}, {"xi1"}, {"di4"}, {"yi4"}, {"ai2", "fu5"}, {"ji4"}, {"ai2", "chi5"}, {"ai4"},
	{"zhei4"}, {"kei4"}, {"ai2", "lu5"}, {"ai2", "mu5"}, {"en1"}, {"ou1"}, {"pi1"}, {"kiu1"}, {"a4", "er5"},
	{"ai2", "si5"}, {"ti4"}, {"you1"}, {"wei1"}, {"da2", "bu5", "liu5"}, {"ai2", "ke5", "si5"}, {"wai4"}, {"zei4"},
}

// charReadings are single characters whose first reading in the dictionary is
// not the one of everyday speech, or is one that espeak-ng cannot say.
var charReadings = map[rune]string{
	'嗯': "en4", '哦': "o4", '喂': "wei4", '得': "de5", '长': "chang2", '不': "bu4", '一': "yi1",
	'呣': "mu2", '哼': "heng1", '噷': "hen1", '谁': "shei2", '发': "fa1", '还': "hai2", '重': "zhong4",
	'没': "mei2", '行': "xing2", '着': "zhe5", '地': "di4", '了': "le5", '调': "diao4", '只': "zhi3",
	'转': "zhuan3", '要': "yao4", '系': "xi4", '单': "dan1", '这': "zhe4", '那': "na4", '哪': "na3",
}

// phraseReadings are words in which a character is read otherwise, or in the
// neutral tone, chosen for calls about orders, returns and deliveries.
const phraseReadings = `
银行 yin2 hang2|支行 zhi1 hang2|行业 hang2 ye4|重新 chong2 xin1|重复 chong2 fu4|重发 chong2 fa1|重寄 chong2 ji4
重庆 chong2 qing4|退还 tui4 huan2|归还 gui1 huan2|还款 huan2 kuan3|返还 fan3 huan2|偿还 chang2 huan2|寄还 ji4 huan2
了解 liao3 jie3|不了解 bu4 liao3 jie3|还钱 huan2 qian2|不了 bu5 liao3|得了 de2 le5|取得 qu3 de2|获得 huo4 de2|得到 de2 dao4|得知 de2 zhi1|值得 zhi2 de2
觉得 jue2 de5|记得 ji4 de5|晓得 xiao3 de5|首都 shou3 du1|成都 cheng2 du1|都市 du1 shi4|长大 zhang3 da4|店长 dian4 zhang3
校长 xiao4 zhang3|家长 jia1 zhang3|便宜 pian2 yi5|差价 cha1 jia4|差别 cha1 bie2|色差 se4 cha1|误差 wu4 cha1
出差 chu1 chai1|快递员 kuai4 di4 yuan2|数一数 shu3 yi4 shu3|头发 tou2 fa4|理发 li3 fa4|假发 jia3 fa4|空调 kong1 tiao2|调整 tiao2 zheng3
协调 xie2 tiao2|调解 tiao2 jie3|调节 tiao2 jie2|一只 yi4 zhi1|两只 liang3 zhi1|几只 ji3 zhi1|这只 zhe4 zhi1|那只 na4 zhi1
转圈 zhuan4 quan1|要求 yao1 qiu2|为了 wei4 le5|因为 yin1 wei4|为什么 wei4 shen2 me5|为您 wei4 nin2|为你 wei4 ni3
什么 shen2 me5|怎么 zen3 me5|这么 zhe4 me5|那么 na4 me5|多么 duo1 me5|要么 yao4 me5|东西 dong1 xi5|衣服 yi1 fu5
先生 xian1 sheng5|谢谢 xie4 xie5|妈妈 ma1 ma5|爸爸 ba4 ba5|朋友 peng2 you5|客气 ke4 qi5|麻烦 ma2 fan5|清楚 qing1 chu5
消息 xiao1 xi5|时候 shi2 hou5|知道 zhi1 dao4|明白 ming2 bai5|意思 yi4 si5|地方 di4 fang5|地址 di4 zhi3|慢慢地 man4 man4 de5
着急 zhao2 ji2|睡着 shui4 zhao2|找着 zhao3 zhao2|穿着 chuan1 zhe5|应该 ying1 gai1|反应 fan3 ying4|供应 gong1 ying4|适应 shi4 ying4
质量 zhi4 liang4|数量 shu4 liang4|重量 zhong4 liang4|尽量 jin3 liang4|测量 ce4 liang2|机器人 ji1 qi4 ren2|中奖 zhong4 jiang3|看中 kan4 zhong4
参与 can1 yu4|处理 chu3 li3|处置 chu3 zhi4|好处 hao3 chu4|到处 dao4 chu4|售后处 shou4 hou4 chu4|一会儿 yi2 hui4 er5|哪儿 na3 er5
这儿 zhe4 er5|那儿 na4 er5|银行卡 yin2 hang2 ka3|不行 bu4 xing2|行不行 xing2 bu4 xing2|种类 zhong3 lei4|相片 xiang4 pian4|卡片 ka3 pian4
几乎 ji1 hu1|音乐 yin1 yue4|快乐 kuai4 le4|率先 shuai4 xian1|效率 xiao4 lü4|税率 shui4 lü4|折扣 zhe2 kou4|打折 da3 zhe2
缝隙 feng4 xi4|掉色 diao4 se4|褪色 tui4 se4|宝贝 bao3 bei4|包裹 bao1 guo3|分量 fen4 liang4|缺斤少两 que1 jin1 shao3 liang3|当作 dang4 zuo4
一样 yi2 yang4|一下 yi2 xia4|一定 yi2 ding4|一共 yi2 gong4|一件 yi2 jian4|一个 yi2 ge4|一次 yi2 ci4|一遍 yi2 bian4
一张 yi4 zhang1|一双 yi4 shuang1|一起 yi4 qi3|一直 yi4 zhi2|一些 yi4 xie1|一般 yi4 ban1|不是 bu2 shi4|不对 bu2 dui4
不要 bu2 yao4|不用 bu2 yong4|不会 bu2 hui4|不够 bu2 gou4|不过 bu2 guo4|不客气 bu2 ke4 qi5|不在 bu2 zai4|不到 bu2 dao4
对不起 dui4 bu5 qi3|差不多 cha4 bu5 duo1|来不及 lai2 bu5 ji2|倒是 dao4 shi4|模样 mu2 yang4|尺码 chi3 ma3|薄 bao2|落在 la4 zai4
`

type phrase struct {
	text      string
	syllables []string
}

// phrases are the readings by first character, the longest first.
var phrases = parsePhrases(phraseReadings)

func parsePhrases(table string) map[rune][]phrase {
	out := map[rune][]phrase{}
	for entry := range strings.FieldsFuncSeq(table, func(r rune) bool { return r == '|' || r == '\n' }) {
		fields := strings.Fields(entry)
		if len(fields) < 2 {
			continue
		}
		first, _ := utf8.DecodeRuneInString(fields[0])
		out[first] = append(out[first], phrase{text: fields[0], syllables: fields[1:]})
	}
	for _, list := range out {
		slices.SortFunc(list, func(a, b phrase) int { return cmp.Compare(len(b.text), len(a.text)) })
	}
	return out
}
