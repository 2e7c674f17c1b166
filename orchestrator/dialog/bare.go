package dialog

import "time"

// Understand reads a bare sentence, said without any question before it: all
// intents that it carries, and slots: "order" holds the digits that name an
// order, "phone" a mobile number, "answer" yes or no, "date" a day such as
// 2026-11-12; the others are the flow's. now is what its dates are reckoned from.
func (f *Flow) Understand(text string, now time.Time) Understanding {
	s := Begin(f, Start{})
	t := &turn{f: f, s: &s, now: now.In(f.zone)}
	h := t.understand(text)
	u := h.record()
	if !h.day.IsZero() {
		if u.Slots == nil {
			u.Slots = map[string]string{}
		}
		u.Slots["date"] = h.day.Format(time.DateOnly)
	}
	return u
}
