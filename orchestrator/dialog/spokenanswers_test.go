package dialog

import (
	"strings"
	"testing"
)

// TestAnswersByMeaning: answers to the questions for the reason and for the
// goods' arrival, in the words that callers choose.
func TestAnswersByMeaning(t *testing.T) {
	tn := &turn{f: Default(), s: &State{Step: StepAsking, Question: "reason"}, now: callDay}
	for want, texts := range map[string]string{
		"wrong_size":       "穿不下 穿不进去 根本穿不了 太小穿不上 小了一码 码子偏小 买小了 买大了 号买小了 尺码买错了 大了点 大了半码 腰围不够 腰太紧了 袖子太短 裤腿太长 鞋子挤脚 鞋有点挤 不合身 尺寸不对 尺寸买错了 有点肥 偏瘦 勒脖子 卡裆 床单小了铺不下 穿起来紧绷绷的 型号太大 胸围小了 穿着大",
		"not_as_described": "有色差 有点色差 色差太大 跟图片不一样 和图片上的颜色不一样 跟描述的不符 颜色跟网上看的不一样 实物跟照片两个样 货不对版 跟你们说的不一样 图片好看实物丑 材质跟写的不一样 说是纯棉的其实不是 说是真皮结果是假皮 宣传的跟实际不一样 跟直播间说的不一样 不是正品吧 感觉是假货 颜色偏黄 颜色没有图片好看 颜色深了 跟详情页不一样 与描述不符",
		"damaged":          "压坏了 被压坏了 快递给压坏了 压扁了 箱子烂了 收到就是坏的 摔碎了 碎了一地 打开就碎了 杯子裂了 破了个洞 有个口子 盒子破了 漏得到处都是 洒了 包装烂了 有划痕 刮花了 磕掉一块 瓶口破了 腿断了 来的时候就坏了 收到货就是坏的 运输途中损坏 外包装破损 摔坏了 磕了个坑 有凹痕",
		"missing_parts":    "少一件 少了一件 少发一件 少给我一件 漏发一件 少发了 缺了一件 只收到一件 只给我发了一件 我买了两件只来了一件 配件少了 少个配件 缺配件 少了个盖子 没有说明书 赠品没给 没送赠品 数量不对 数量不够 件数不对 差一件 还差一件没发 少了俩螺丝 东西没发全 螺丝不够 没给充电器 里面是空的",
		"wrong_item":       "发错了 给我发错了 你们发错货了 发错颜色了 颜色发错了 尺码发错了 寄错东西了 我要黑的发了白的 不是我买的那个 这不是我要的 型号发错 款式发错了 拿错货了 装错货了 给错了 送错了 跟我下单的不一样 我订的是大号发了小号 发成别的了 收到的不是我买的东西 货发错了 发错款了 张冠李戴了 搞错了发的不是这个",
		"changed_mind":     "不想要了 我不想要了 就是不想要 不要了 不喜欢 不太喜欢 没看上 不合适我 用不着了 用不上 不需要了 家里有了 买重复了 买多了 拍多了 多买了一件 后悔了 改变主意了 我老婆不喜欢 孩子不喜欢 不好看 穿着不好看 穿上显老 太丑了 不适合我 没什么原因就是不想要了 七天无理由 无理由退货 没理由 别的地方更便宜 买贵了 降价了 拍错了 买错了 不小心点错了 手滑买的 冲动消费了 颜色不喜欢 不中意 款式不喜欢 用不惯",
		"quality":          "质量问题 质量太差了 质量不行 质量不好 东西有问题 有瑕疵 洗了就缩水 洗一次就起球了 掉色掉得厉害 掉毛 一股味儿 味道很重 味道太大了 有异味 开线了 脱线 线头多 拉链坏了 开胶了 打不开机 开不了机 充不上电 不通电 没声音 屏幕不亮 花屏 老是死机 经常断连 连不上蓝牙 漏水 生锈了 长毛了 过期了 发霉了 馊了 用了两天就不行了 不制冷 噪音太大 不好使 坏得太快 做工太粗糙 扎皮肤 过敏了 一股塑料味 有毛病 用不了 不工作了",
		"late":             "太慢了 发货太慢 物流太慢了 等太久了 等了半个月 等不及了 来得太晚了 赶不上了 过了时间了 生日都过了 一直没发货 一直不发货 迟迟不发货 耽误事了 来不及了 拖太久了 送得太慢 到得太晚了 用的时候没到",
	} {
		for _, x := range strings.Fields(texts) {
			if got := tn.understand(x).values["reason"]; got != want {
				t.Errorf("%s: got %q want %q", x, got, want)
			}
		}
	}
	tn.s.Question = "received"
	for want, texts := range map[string]string{
		"yes": "收到了 收到啦 已经收到了 昨天收到的 早就收到了 收到好几天了 收到有一个星期了 拿到了 到手了 签收了 快递放门口我拿了 我老公签收的 放驿站我取回来了 已经取了 货到了 东西到了 昨天到的 今天刚到 刚到手 收了 收到货了 在我手上 在我这儿 在家里呢 嗯 对 对对对 嗯收到了 对收到了",
		"no":  "没收到 还没收到 还没收到呢 没有收到 没有没有 没有 没呢 还没呢 还没 没到 没到呢 货还没到 还在路上 还在路上呢 在途 物流没动 还没发货 没发货呢 没拿到 没签收 没见着东西 没有送到 一直没收到 到现在都没收到 在驿站没拿 放驿站还没取 我拒收了 还没派送 不是 没",
	} {
		for _, x := range strings.Fields(texts) {
			h := tn.understand(x)
			got := h.values["received"]
			if got == "" && h.answer.String() != "unknown" {
				got = h.answer.String()
			}
			if got != want {
				t.Errorf("%s: got %q want %q", x, got, want)
			}
		}
	}
}

// TestSomethingElse: money and messages that arrive are no goods, a voice that
// is too low is no size, and of what contradicts itself the last counts.
func TestSomethingElse(t *testing.T) {
	tn := &turn{f: Default(), s: &State{}, now: callDay}
	for text, want := range map[string]string{
		"没收到退款": "", "收到了吗": "", "货到了吗": "", "退款没收到": "", "钱收到了": "", "退款收到了": "", "我收到短信了": "", "退货你们都收到了钱给我打了吗": "", "货你们都签收了，钱啥时候给我打回来": "",
		"显示签收了但是我根本没拿到": "no", "我的包裹显示已签收但是我人不在家没收着": "no", "之前没收到，现在收到了": "yes", "退款还没到，货收到了": "yes",
	} {
		if got := tn.understand(text).values["received"]; got != want {
			t.Errorf("%q: received %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"你声音太小了", "听不清你声音太小", "我有问题想问", "有问题要问你", "东西都过了七天了"} {
		if got := tn.understand(text).values["reason"]; got != "" {
			t.Errorf("%q: reason %q", text, got)
		}
	}
}
