package numberplan

import (
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// china is the country code of the mainland.
const china = 86

// libphonenumber asks the library where a mobile number was given out. It
// answers with one word, 广东省广州市, or with the country when it does not know.
func libphonenumber(digits string) (province, city string, ok bool) {
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return "", "", false
	}
	code := int32(china)
	place, err := phonenumbers.GetGeocodingForNumber(&phonenumbers.PhoneNumber{CountryCode: &code, NationalNumber: &n}, "zh")
	if err != nil {
		return "", "", false
	}
	province = shortProvince(place)
	if province == place { // the country, or nothing
		return "", "", false
	}
	city = strings.TrimPrefix(place, province)
	for _, kind := range []string{"省", "维吾尔自治区", "壮族自治区", "回族自治区", "自治区", "市"} {
		if rest, cut := strings.CutPrefix(city, kind); cut {
			city = rest
			break
		}
	}
	if city == "" { // a city that is a province
		city = province
	}
	return province, city, true
}
