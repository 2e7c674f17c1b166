package mediabridge

import (
	"slices"
	"testing"

	"github.com/tidegate/tidegate/schemas"
)

func loud(run int) activity { return activity{loud: true, runMS: run} }

// interrupt feeds speech over a prompt until it cuts it or ms have passed.
func interrupt(t *turn, ms int) (cutAfter int, last hearing) {
	for run := frameMS; run <= ms; run += frameMS {
		if last = t.frame(loud(run), promptInterruptible); last.bargeIn {
			return run, last
		}
	}
	return 0, last
}

// quietUntilClosed feeds silence and gives how much of it ended the turn.
func quietUntilClosed(t *turn, limitMS int) int {
	for q := frameMS; q <= limitMS; q += frameMS {
		if t.frame(activity{quietMS: q}, promptNone).closed {
			return q
		}
	}
	return 0
}

func TestTurnWithoutPartials(t *testing.T) {
	tn := newTurn(Defaults())
	for run := 20; run < 120; run += 20 {
		if h := tn.frame(loud(run), promptInterruptible); h != (hearing{}) {
			t.Fatalf("after %d ms over a prompt: %+v", run, h)
		}
	}
	if h := tn.frame(loud(120), promptInterruptible); !h.began || h.opened {
		t.Fatalf("after 120 ms: %+v, want sound to the recogniser and nothing else", h)
	}
	tn.frame(loud(140), promptInterruptible)
	tn.frame(activity{quietMS: 200}, promptInterruptible) // a cough
	if tn.open() {
		t.Fatal("a cough is a turn")
	}
	tn = newTurn(Defaults())
	if at, h := interrupt(&tn, 1000); at != 200 || !h.opened {
		t.Fatalf("speech cut the prompt after %d ms: %+v", at, h)
	}
}

func TestTurnWaitsForAWord(t *testing.T) {
	tn := newTurn(Defaults())
	tn.partials = true
	if at, _ := interrupt(&tn, 5000); at != 0 {
		t.Fatalf("sound without a word cut the prompt after %d ms", at)
	}
	tn.heard(evidence{word: false}) // 嗯
	if tn.frame(loud(5020), promptInterruptible).bargeIn {
		t.Fatal("a backchannel cut the prompt")
	}
	tn.heard(evidence{word: true})
	if h := tn.frame(loud(5040), promptInterruptible); !h.bargeIn || !h.opened || h.began {
		t.Fatalf("a word: %+v", h)
	}
}

func TestTurnOverAPromptThatIsHeardToItsEnd(t *testing.T) {
	tn := newTurn(Defaults())
	tn.partials = true
	for run := frameMS; run <= 400; run += frameMS {
		if h := tn.frame(loud(run), promptWhole); h.opened || h.bargeIn {
			t.Fatalf("after %d ms without a word: %+v", run, h)
		}
	}
	tn.heard(evidence{word: true})
	if h := tn.frame(loud(420), promptWhole); !h.opened || h.bargeIn {
		t.Fatalf("a word: %+v", h)
	}
}

func TestTurnUnsureUntilThePromptEnds(t *testing.T) {
	tn := newTurn(Defaults())
	tn.partials = true
	interrupt(&tn, 400)
	if h := tn.frame(loud(420), promptNone); !h.opened || h.bargeIn {
		t.Fatalf("speech that goes on after the prompt: %+v", h)
	}
	tn = newTurn(Defaults())
	tn.partials = true
	interrupt(&tn, 400)
	if h := tn.frame(activity{quietMS: 200}, promptNone); h != (hearing{}) {
		t.Fatalf("silence after it: %+v", h)
	}
	if q := quietUntilClosed(&tn, 2000); q == 0 || tn.open() {
		t.Fatal("not closed")
	}
}

func TestTurnLongestUtterance(t *testing.T) {
	tn := newTurn(Defaults())
	var opened, closed []int
	for run := 20; run <= 50_000; run += 20 {
		h := tn.frame(loud(run), promptNone)
		if h.opened {
			opened = append(opened, run)
		}
		if h.closed {
			closed = append(closed, run)
		}
	}
	if !slices.Equal(opened, []int{120, 20120, 40120}) || !slices.Equal(closed, []int{20000, 40000}) {
		t.Fatalf("opened at %v, closed at %v", opened, closed)
	}
}

func TestEndOfTurnByWhatWasSaid(t *testing.T) {
	yesNo := schemas.ListenPolicy{Expect: schemas.ExpectYesNo, EndpointMS: 350, Answers: []string{"对", "是的", "不是"}}
	open := schemas.ListenPolicy{Expect: schemas.ExpectOpen, EndpointMS: 600}
	digits := schemas.ListenPolicy{Expect: schemas.ExpectDigits, EndpointMS: 1000, MinDigits: 4}
	for name, c := range map[string]struct {
		policy schemas.ListenPolicy
		text   string
		want   int
	}{
		"nothing recognised yet":           {yesNo, "", 360},
		"yes":                              {yesNo, "是的。", 240},
		"yes and more":                     {yesNo, "是的但是", 360},
		"a sentence":                       {open, "我要退货", 600},
		"a number without an end":          {open, "我的订单号是二零二六", 1200},
		"a count":                          {open, "我要退两件", 600},
		"a number and a word after it":     {open, "三三七八这个订单", 600},
		"last digits, as many as asked":    {digits, "尾号三三七八", 240},
		"last digits, too few":             {digits, "尾号三三", 1200},
		"four digits that may be a group":  {digits, "二零二六", 1000},
		"policy of its own for the middle": {schemas.ListenPolicy{Expect: schemas.ExpectDigits, EndpointMS: 800, MinDigits: 4, NumberMS: 1600}, "三三", 1600},
		"policy of its own for an answer":  {schemas.ListenPolicy{Expect: schemas.ExpectYesNo, EndpointMS: 800, AnswerMS: 300, Answers: []string{"好"}}, "好", 300},
	} {
		t.Run(name, func(t *testing.T) {
			tn := newTurn(Defaults())
			tn.closedMS = 1000
			tn.listen(c.policy)
			if !tn.frame(loud(120), promptNone).opened {
				t.Fatal("not opened")
			}
			tn.heard(weigh(c.text, c.policy, nil))
			if got := quietUntilClosed(&tn, 5000); got != c.want {
				t.Errorf("%q ends after %d ms of silence, want %d", c.text, got, c.want)
			}
		})
	}
}

func TestBackchannels(t *testing.T) {
	words := bareWords(Defaults().Backchannels)
	for text, word := range map[string]bool{
		"": false, "，": false, "嗯": false, "嗯嗯": false, "嗯，对对对": false, "好的": false, "OK": false, "Uh-huh.": false,
		"对不起": true, "不": true, "好的我要退货": true, "转人工": true, "嗯嗯我想": true, "三": true, "no": true,
	} {
		if got := weigh(text, schemas.ListenPolicy{}, words).word; got != word {
			t.Errorf("%q is a word: %v, want %v", text, got, word)
		}
	}
}

func FuzzWeigh(f *testing.F) {
	f.Add("尾号三三七八", "对", 4)
	f.Add("嗯嗯嗯", "嗯", 0)
	f.Add("\xff零零", "", -3)
	words := bareWords(Defaults().Backchannels)
	f.Fuzz(func(t *testing.T, text, answer string, digits int) {
		p := schemas.ListenPolicy{Expect: schemas.ExpectDigits, MinDigits: digits, Answers: []string{answer}}
		if e := weigh(text, p, words); e.answered && e.inNumber {
			t.Fatalf("%q is an answer and goes on", text)
		}
	})
}
