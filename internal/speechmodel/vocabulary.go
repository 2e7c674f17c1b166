package speechmodel

import (
	"net/url"
	"regexp"
)

// Uses of a model.
const (
	UseStreaming   = "asr-streaming" // recognition while the caller speaks
	UseOffline     = "asr-offline"   // recognition of whole segments
	UseTTS         = "tts"
	UseVAD         = "vad"
	UseDenoise     = "denoise"
	UsePunctuation = "punctuation"
	UseVocoder     = "vocoder"
)

// parts are the roles that a model must have files of, by use and kind.
// Others may be there: lexicon, data_dir (espeak-ng's data), rule_fsts,
// rule_fars, bpe_vocab, hr_lexicon, hr_rule_fsts, reference.
var parts = map[string]map[string][]string{
	UseStreaming: {
		"zipformer-transducer": {"encoder", "decoder", "joiner", "tokens"},
		"lstm-transducer":      {"encoder", "decoder", "joiner", "tokens"},
		"paraformer":           {"encoder", "decoder", "tokens"},
		"zipformer-ctc":        {"model", "tokens"},
	},
	UseOffline: {
		"sense-voice":      {"model", "tokens"},
		"paraformer":       {"model", "tokens"},
		"fire-red-asr":     {"encoder", "decoder", "tokens"},
		"fire-red-asr-ctc": {"model", "tokens"},
		"dolphin-ctc":      {"model", "tokens"},
		"telespeech-ctc":   {"model", "tokens"},
		"wenet-ctc":        {"model", "tokens"},
		"zipformer-ctc":    {"model", "tokens"},
		"whisper":          {"encoder", "decoder", "tokens"},
	},
	UseTTS: {
		"vits":     {"model", "tokens"},
		"matcha":   {"model", "vocoder", "tokens"},
		"kokoro":   {"model", "voices", "tokens", "data_dir"},
		"zipvoice": {"encoder", "decoder", "vocoder", "tokens", "data_dir"},
	},
	UseVAD:         {"silero": {"model"}},
	UseDenoise:     {"gtcrn": {"model"}, "dpdfnet": {"model"}},
	UsePunctuation: {"ct-transformer": {"model"}},
	UseVocoder:     {"vocos": {"vocoder"}, "hifigan": {"vocoder"}},
}

// Roles lists the roles that a model of the use and kind must have.
func Roles(use, kind string) []string { return parts[use][kind] }

var (
	nameForm       = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
	roleForm       = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
	languageForm   = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
	shaForm        = regexp.MustCompile(`^[0-9a-f]{64}$`)
	repositoryForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$`)
)

func webAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}
