package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/internal/speechdata"
	"github.com/tidegate/tidegate/internal/speechmodel"
	"github.com/tidegate/tidegate/workers/asr"
	"github.com/tidegate/tidegate/workers/tts"
)

// builtIn is how tables name the recogniser that is in the program.
const builtIn = "built-in"

// named is an engine's configuration and its name in tables.
type named[C any] struct {
	name string
	cfg  C
}

// installed are the models of some uses in the models' folder.
func (b *bench) installed(uses ...string) ([]*speechmodel.Model, error) {
	all, err := speechmodel.NewStore(b.models).List()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(m *speechmodel.Model) bool { return !slices.Contains(uses, m.Use) }), nil
}

// recognisers are the built-in one and one for each installed model, without
// denoising.
func (b *bench) recognisers() ([]named[asr.Config], error) {
	if !sherpa.Available {
		return nil, nil
	}
	cfg := asr.Defaults()
	cfg.Engine, cfg.Denoise.Mode, cfg.Models = asr.EngineSherpa, asr.DenoiseOff, b.models
	out := []named[asr.Config]{{builtIn, cfg}}
	models, err := b.installed(speechmodel.UseStreaming, speechmodel.UseOffline)
	for _, m := range models {
		c := cfg
		c.Sherpa.Model = m.Name
		out = append(out, named[asr.Config]{m.Name, c})
	}
	return out, err
}

// synthesisers are those that can speak on this machine.
func (b *bench) synthesisers(t *table) ([]named[tts.Config], error) {
	cfg := tts.Defaults()
	cfg.CacheDir, cfg.PrewarmWait, cfg.Models = "", 0, b.models
	cfg.Lead = time.Minute // sentences are read to their ends, and not listened to
	with := func(engine, model string) tts.Config {
		c := cfg
		c.Engine, c.Sherpa.Model = engine, model
		return c
	}
	out := []named[tts.Config]{{tts.EngineTone, with(tts.EngineTone, "")}}
	if err := with(tts.EngineEspeak, "").Validate(); err != nil {
		return out, err
	}
	if e, err := tts.NewEngine(with(tts.EngineEspeak, "")); err != nil {
		t.note("espeak: %v.", err)
	} else {
		_ = e.Close()
		out = append(out, named[tts.Config]{tts.EngineEspeak, with(tts.EngineEspeak, "")})
	}
	if !sherpa.Available {
		t.note("sherpa: this build is without cgo.")
		return out, nil
	}
	models, err := b.installed(speechmodel.UseTTS)
	for _, m := range models {
		out = append(out, named[tts.Config]{"sherpa, " + m.Name, with(tts.EngineSherpa, m.Name)})
	}
	folder, ok, dataErr := b.data("tts-unit-zh", "use: tts\nkind: vits\nlanguages: [zh]\nsample_rate: 8000\n", "model.onnx", "tokens.txt", "lexicon.txt")
	switch {
	case dataErr != nil:
		return out, dataErr
	case ok:
		out = append(out, named[tts.Config]{"sherpa, VITS of recorded syllables", with(tts.EngineSherpa, folder)})
	default:
		t.note("sherpa: no voice is installed in %s, and %s names no folder with one.", b.models.Dir, speechdata.Env)
	}
	return out, err
}

// denoiser is the folder of a speech enhancement model: the installed one, or
// the one of the speech data.
func (b *bench) denoiser() (model string, ok bool, err error) {
	models, err := b.installed(speechmodel.UseDenoise)
	if err != nil {
		return "", false, err
	}
	if len(models) > 0 {
		return models[0].Name, true, nil
	}
	return b.data("denoise", "use: denoise\nkind: gtcrn\nsample_rate: 16000\n", "gtcrn_simple.onnx")
}

// roles of the speech data's files, by name.
var roles = map[string]string{"model.onnx": "model", "gtcrn_simple.onnx": "model", "tokens.txt": "tokens", "lexicon.txt": "lexicon"}

// data makes a folder with a manifest of a model that the speech data have
// without one.
func (b *bench) data(folder, manifest string, files ...string) (dir string, ok bool, err error) {
	root, ok := speechdata.Find()
	if !ok {
		return "", false, nil
	}
	if dir, err = os.MkdirTemp(b.dir, folder+"-"); err != nil {
		return "", false, err
	}
	var list strings.Builder
	for _, name := range files {
		path := filepath.Join(root, folder, name)
		content, err := os.ReadFile(path)
		if err != nil {
			return "", false, nil //nolint:nilerr // another set of data is one without it
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return "", false, err
		}
		sum := sha256.Sum256(content)
		fmt.Fprintf(&list, "  - {role: %s, path: %s, sha256: %s}\n", roles[name], name, hex.EncodeToString(sum[:]))
	}
	text := fmt.Sprintf("name: %s\ndescription: from the speech data\nlicence: see the speech data\n%sfiles:\n%s", folder, manifest, list.String())
	return dir, true, os.WriteFile(filepath.Join(dir, speechmodel.ManifestName), []byte(text), 0o600)
}

// evaluation is the file with sentences that the built-in recogniser was not
// trained on.
func evaluation() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "workers", "asr", "tinyzh", "eval.tsv")
}
