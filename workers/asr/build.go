package asr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/internal/speechmodel"
)

// EngineAuto is sherpa where this build has it, else scripted.
const EngineAuto = "auto"

// Engines lists the engines that this build has.
func Engines() []string {
	names := []string{EngineAuto}
	if sherpa.Available {
		names = append(names, EngineSherpa)
	}
	return append(names, EngineFunASR, EngineOpenAI, EngineScripted)
}

// checkEngine says why an engine cannot be had.
func (c Config) checkEngine() error {
	switch {
	case !sherpa.Available && c.Engine == EngineSherpa:
		return fmt.Errorf("%s: %w (it has %s)", EngineSherpa, sherpa.ErrNoCgo, strings.Join(Engines(), ", "))
	case !sherpa.Available && c.Engine == EngineAuto && c.Sherpa.Model != "":
		return fmt.Errorf("%s with the model %.80s: %w", EngineAuto, c.Sherpa.Model, sherpa.ErrNoCgo)
	case !slices.Contains(Engines(), c.Engine):
		return fmt.Errorf("%.40q is unknown; this build has %s", c.Engine, strings.Join(Engines(), ", "))
	}
	return nil
}

// resolved is the name of the engine that another one means.
func resolved(name string) string {
	switch {
	case name != EngineAuto:
		return name
	case sherpa.Available:
		return EngineSherpa
	default:
		return EngineScripted
	}
}

// build makes one engine.
func (s *Service) build(name string, deps Deps) (Engine, error) {
	switch name {
	case EngineScripted:
		return newScripted(s.cfg.Scripted, script(s.cfg, deps), s.log, s.metrics), nil
	case EngineSherpa:
		return newSherpa(s.cfg, s.log, s.metrics)
	case EngineFunASR:
		e, err := newFunASR(s.cfg.FunASR, s.cfg.MaxUtterance, s.log, s.metrics.funasr)
		if err != nil {
			return nil, err
		}
		return s.denoised(e)
	case EngineOpenAI:
		e, err := newOpenAI(s.cfg.OpenAI, s.cfg.MaxUtterance, s.log, s.metrics.openai)
		if err != nil {
			return nil, err
		}
		return s.denoised(e)
	default:
		return nil, fmt.Errorf("engine %.40q is unknown", name)
	}
}

// denoised puts the denoising stage before an engine that has none.
func (s *Service) denoised(e Engine) (Engine, error) {
	return newDenoised(e, s.cfg.Denoise, speechmodel.NewStore(s.cfg.Models), s.metrics.denoise, s.log)
}
