package zhtext

import "regexp"

const (
	arrivalDay   = `(?:大?前[天儿日]|昨[天儿日晚]|上个?(?:周|星期|礼拜)[一二三四五六日天]?|[0-9一二两三四五六七八九十]{1,3}天前)`
	arrivalOpen  = `(?:今[天早儿晚]|刚[刚才]?|这?个?(?:周|星期|礼拜)[一二三四五六日天]|[0-9一二三四五六七八九十]{1,3}[号日])`
	arrivalHour  = `(?:的?(?:早上|上午|中午|下午|傍晚|晚上))?(?:[0-9一二两三四五六七八九十]{1,3}点半?钟?)?`
	arrivalSmall = `(?:就|才|刚|已经|都|给我|我|快递|东西|货)*`
	arrivalVerb  = `(?:收到|拿到|签收|送到|送来|寄到|取到|取回来|拿回来|到货|到手|到家|收货|收|到|买|拍|下单|下的单)`
)

// arrivals are words that say when something came or was bought. Of a day that
// may be to come they have to say that it is over: 到的, not 到.
var arrivals = regexp.MustCompile(arrivalDay + arrivalHour + arrivalSmall + arrivalVerb + `[的了货]*|` +
	arrivalOpen + arrivalHour + arrivalSmall + arrivalVerb + `[的了货]+`)

// WithoutArrivals leaves out of a sentence when something came or was bought,
// so that the days in it are those of what is to happen: "昨天到的，明天上午来拿".
func WithoutArrivals(text string) string { return arrivals.ReplaceAllString(Narrow(text), ",") }
