package tts

import (
	"fmt"
	"slices"
)

// checkRequest refuses what an engine with these capabilities cannot say.
func checkRequest(r Request, c Capabilities) error {
	switch {
	case !slices.Contains(c.SampleRates, r.SampleRate):
		return fmt.Errorf("%w: sample rate %d", ErrUnsupported, r.SampleRate)
	case !c.Speaks(r.Language):
		return fmt.Errorf("%w: language %.16q", ErrUnsupported, r.Language)
	case len(c.Voices) > 0 && !c.HasVoice(r.Voice):
		return fmt.Errorf("%w: voice %.64q", ErrUnsupported, r.Voice)
	case len(r.Text) > MaxTextBytes:
		return fmt.Errorf("%w: text of %d bytes", ErrUnsupported, len(r.Text))
	default:
		return nil
	}
}
