package asr

import (
	"fmt"
	"math"
	"strings"

	"github.com/tidegate/tidegate/internal/sherpa"
)

// calibration turns what a model says of its tokens into a confidence: the
// share of characters that are right in transcripts like this one. Where the
// model gives the probability of each token (transducers do), m is the mean of
// their logarithms, and the confidence is 1/(1+exp(-(slope*m+offset))), with
// the numbers that the manifest states as option "confidence: slope offset".
// The library takes these probabilities at a temperature of 2, which makes
// them depend on the size of the vocabulary, so that numbers of one model
// mean nothing for another; models without the option, and those without
// probabilities, get a constant.
type calibration struct {
	slope, offset float64
	measured      bool
	constant      float64
}

// Constants by kind: transcripts of a streaming model, which hears no future,
// are a little less sure than those of an offline one. Both lie well above
// what a flow takes for not understood (min_recognition), since a number
// that was not measured must not throw transcripts away.
const (
	streamingConfidence = 0.8
	offlineConfidence   = 0.85
)

func newCalibration(option string, streaming bool) (calibration, error) {
	c := calibration{constant: offlineConfidence}
	if streaming {
		c.constant = streamingConfidence
	}
	if strings.TrimSpace(option) == "" {
		return c, nil
	}
	if _, err := fmt.Sscanf(option, "%g %g", &c.slope, &c.offset); err != nil {
		return c, fmt.Errorf("option confidence: must be two numbers, is %.40q", option)
	}
	c.measured = true
	return c, nil
}

// of is the confidence of a transcript, 0 for one without text.
func (c calibration) of(text string, r sherpa.Result) float64 {
	if text == "" {
		return 0
	}
	if !c.measured || len(r.LogProbs) == 0 {
		return c.constant
	}
	var sum float64
	for _, l := range r.LogProbs {
		sum += float64(l)
	}
	mean := sum / float64(len(r.LogProbs))
	return 1 / (1 + math.Exp(-(c.slope*mean + c.offset)))
}
