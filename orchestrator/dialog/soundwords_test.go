package dialog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidegate/tidegate/orchestrator/dialog/nlu"
)

// everydayGoods are what shops sell most, as callers name it.
const everydayGoods = `花瓶 羽绒服 牛仔裤 连衣裙 半身裙 短裤 长裤 西裤 运动裤 打底裤 毛衣 针织衫 卫衣 衬衫 外套 大衣 风衣 夹克 马甲 西装 睡衣 内衣 内裤 袜子 丝袜 帽子 围巾 手套 皮带 领带 雨衣
运动鞋 跑步鞋 凉鞋 拖鞋 靴子 皮鞋 帆布鞋 高跟鞋 童鞋 鞋垫 书包 双肩包 挎包 钱包 行李箱 拉杆箱 手提袋 旅行包 手表 项链 耳环 戒指 手镯 发夹 眼镜 太阳镜
手机 手机壳 充电器 充电宝 数据线 耳机 蓝牙耳机 音箱 平板 笔记本 电脑 键盘 鼠标 显示器 打印机 路由器 硬盘 优盘 内存条 摄像头 投影仪 电视机 机顶盒 相机 三脚架 游戏机
电饭煲 电压力锅 微波炉 烤箱 空气炸锅 电磁炉 豆浆机 榨汁机 破壁机 咖啡机 电热水壶 养生壶 面包机 洗碗机 洗衣机 烘干机 冰箱 空调 电风扇 取暖器 加湿器 净化器 净水器 吸尘器 扫地机 除湿机 热水器 油烟机 燃气灶 吹风机 剃须刀 电动牙刷 按摩仪 血压计 体重秤 台灯 吊灯 落地灯 插座 排插 电池
被子 枕头 枕套 床单 被套 四件套 床垫 凉席 毛毯 蚊帐 窗帘 地毯 沙发 茶几 餐桌 椅子 书桌 书架 衣柜 鞋柜 床头柜 电脑椅 躺椅 折叠床 收纳箱 垃圾桶 拖把 扫把 衣架 晾衣架 脸盆 毛巾 浴巾 牙膏 牙刷 洗发水 沐浴露 香皂 洗衣液 纸巾 卫生纸 湿巾 卫生巾 纸尿裤
炒锅 汤锅 砂锅 菜刀 砧板 碗 盘子 筷子 勺子 杯子 保温杯 水壶 茶杯 茶具 酒杯 饭盒 保鲜盒 围裙 面膜 口红 粉底液 眉笔 眼霜 防晒霜 洗面奶 爽肤水 香水 护手霜 精华液
奶粉 奶瓶 婴儿车 儿童座椅 积木 玩具车 遥控车 洋娃娃 拼图 绘本 童装 尿不湿 猫粮 狗粮 猫砂 狗窝 鱼缸 鱼竿 帐篷 睡袋 登山鞋 瑜伽垫 哑铃 跑步机 篮球 足球 羽毛球拍 乒乓球拍 自行车 头盔 滑板 轮滑鞋 泳衣 泳镜
大米 面粉 食用油 酱油 茶叶 咖啡 牛奶 酸奶 饼干 巧克力 坚果 瓜子 红枣 枸杞 蜂蜜 水果 苹果 橙子 车厘子 螃蟹 大闸蟹 牛肉 腊肠 月饼 粽子 方便面 白酒 红酒 啤酒 矿泉水 保健品 维生素 钙片 字典 词典 教材 小说 漫画 钢笔 铅笔 圆珠笔 橡皮 文具盒 计算器 日历 贺卡 汽车坐垫 脚垫 行车记录仪 车载充电器 雨刷 机油 轮胎 电钻 螺丝刀 扳手 锤子 梯子 水龙头 花洒 马桶盖 门锁 灯泡 油漆 墙纸 瓷砖 玻璃胶 花盆 绿植 肥料 种子`

// heldoutSentences are the sentences of testdata/heldout.
func heldoutSentences(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/heldout/*.tsv")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var out []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if _, s, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && !strings.HasPrefix(line, "#") {
				out = append(out, s)
			}
		}
	}
	return out
}

// TestWordsHeardByTheirSound: the words of slots are also known by their
// sound, which must not find a reason in sentences about something else, nor
// in the names of goods.
func TestWordsHeardByTheirSound(t *testing.T) {
	tn := &turn{f: Default(), s: &State{}, now: callDay}
	exact := func(slot, text string) bool {
		for _, v := range tn.f.values[slot] {
			if m, ok := nlu.Listen(text).Find(v.words); ok && m.Exact {
				return true
			}
		}
		return false
	}
	sentences, goods := heldoutSentences(t), strings.Fields(everydayGoods)
	if len(sentences) < 500 || len(goods) < 200 {
		t.Fatalf("only %d sentences and %d goods", len(sentences), len(goods))
	}
	for _, text := range sentences {
		for slot, value := range tn.understand(text).values {
			if tn.f.slots[slot].Reader != readerVariant && !exact(slot, text) {
				t.Errorf("%q: %s is %s only by its sound", text, slot, value)
			}
		}
	}
	for i, g := range append(goods, append(goods, goods...)...) {
		tn.s.Question = []string{"", "reason", "received"}[i/len(goods)]
		for _, form := range []string{"%", "我要退%", "我想问一下那个%", "%是新的", "%可以退吗", "帮我看看%"} {
			text := strings.ReplaceAll(form, "%", g)
			h := tn.understand(text)
			if h.values["reason"]+h.values["received"] != "" {
				t.Errorf("%q, asked for %q: %v", text, tn.s.Question, h.values)
			}
			if h.ref.kind != refNone || !h.day.IsZero() {
				t.Errorf("%q: order %+v, day %v", text, h.ref, h.day)
			}
		}
	}
}

// TestShortWordsByTheirSound: in a short answer to the question they count,
// beside the names of the goods themselves they don't.
func TestShortWordsByTheirSound(t *testing.T) {
	tn := &turn{f: Default(), s: &State{Step: StepAsking, Question: "reason"}, now: callDay}
	for text, want := range map[string]string{
		"怀了": "damaged", "掉瑟": "quality", "起求了": "quality", "裂乐": "damaged", "有瑟差": "not_as_described", "发挫了": "wrong_item",
		"我打了五六个电话也没人给我解决": "", "还没打包吧给我取消": "",
	} {
		if got := tn.understand(text).values["reason"]; got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	for _, g := range []string{"净水器", "摄像头", "花瓶"} {
		tn.s.Orders.Known = []Order{{Number: "1", Lines: []Line{{ID: "L1", Name: g}}}}
		for _, text := range []string{g, "那个" + g, "新" + g} {
			if got := tn.understand(text).values["reason"]; got != "" {
				t.Errorf("%q: got %q", text, got)
			}
		}
		if got := tn.understand(g + "坏了").values["reason"]; got != "damaged" {
			t.Errorf("%s坏了: got %q", g, got)
		}
	}
}
