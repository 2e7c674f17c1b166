package notify

import (
	"errors"
	"regexp"
	"strings"

	"github.com/tidegate/tidegate/internal/store"
)

// kind is what a ticket's contact is.
type kind string

const (
	mobile   kind = "mobile"
	landline kind = "landline" // of the mainland; short numbers and 400, too
	foreign  kind = "foreign"
	hidden   kind = "hidden" // withheld, or no number at all
)

var (
	mobilePattern = regexp.MustCompile(`^1[3-9][0-9]{9}$`)
	// A SIP user's name is nobody's telephone, whatever digits are in it.
	dialable = regexp.MustCompile(`^(tel:)?\+?[0-9][0-9 ()./-]*$`)
)

// kindOf says what a contact is, however it was signalled or written, and its
// number in national form.
func kindOf(contact string) (kind, string) {
	contact = strings.TrimSpace(contact)
	if !dialable.MatchString(contact) {
		return hidden, ""
	}
	n, digits := store.NationalPhone(contact), strings.TrimPrefix(contact, "tel:")
	switch {
	case len(n) < 5 || strings.Trim(n, "0") == "":
		return hidden, ""
	case strings.HasPrefix(digits, "+") && !strings.HasPrefix(digits, "+86"), strings.HasPrefix(digits, "00") && !strings.HasPrefix(digits, "0086"):
		return foreign, n
	case mobilePattern.MatchString(n):
		return mobile, n
	}
	return landline, n
}

// Reachable says whether somebody's number can be told things over a channel,
// and gives its national form.
func Reachable(channel, contact string) (string, error) {
	k, n := kindOf(contact)
	switch {
	case k == hidden:
		return "", errors.New("is no telephone number")
	case channel == ChannelSMS && k != mobile:
		return "", errors.New("is no mobile number of mainland China, and gets no SMS")
	}
	return n, nil
}
