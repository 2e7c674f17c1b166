package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/tidegate/tidegate/e2e/caller"
	"github.com/tidegate/tidegate/e2e/scenarios"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/tts"
)

// demoCalls are placed one after the other, so that a person can follow them.
var demoCalls = []string{"return", "refund-status", "human"}

// callersVoice is what simulated callers speak with: other voices than the
// assistant's, and tones where there are none.
func callersVoice(cfg tts.Config) (tts.Engine, error) {
	if cfg.Engine == tts.EngineSherpa {
		cfg.Engine = tts.EngineAuto
	}
	cfg.Sherpa.Model = ""
	return tts.NewEngine(cfg)
}

// demo places the calls and shows what is said, from the facts of the calls
// as they are published. The error says which call went another way.
func (u *up) demo(ctx context.Context, out io.Writer, stays bool) error {
	show := newDisplay(out)
	for subject, f := range map[string]func(bus.Message){
		schemas.SubjectCallFacts: show.fact, schemas.SubjectMediaEvent("*"): show.hearing,
	} {
		sub, err := u.bus.Subscribe(subject, "", f)
		if err != nil {
			return err
		}
		defer func() { _ = sub.Unsubscribe() }()
	}
	engine, err := callersVoice(u.cfg.TTS)
	if err != nil {
		return err
	}
	defer func() { _ = engine.Close() }()
	failed := 0
	for _, name := range demoCalls {
		sc, err := scenarios.Load(name)
		if err != nil {
			return err
		}
		show.printf("\n── %s: %s\n", name, sc.Description)
		res, err := caller.Run(ctx, caller.Options{
			Target: "sip:" + u.devswitch.SIPAddr(), Scenario: sc, Engine: engine,
			APIURL: "http://" + u.console.Addr(), APIToken: u.cfg.Console.Token.Reveal(), Log: u.log,
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil || !res.OK {
			failed++
		}
		show.result(res, err)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d demo calls did not go as their scenarios say", failed, len(demoCalls))
	}
	if stays {
		show.printf("\nThe demo calls are over; the records are on the page. Tidegate stays up.\n")
	}
	return nil
}
