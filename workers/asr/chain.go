package asr

import (
	"errors"
)

// engines are the names of those in use: the first, and those that stand in
// for it.
func (c Config) engines() []string {
	names := []string{resolved(c.Engine)}
	for _, name := range c.Fallback.Engines {
		names = append(names, resolved(name))
	}
	return names
}

// validateChain checks the chain and the engines in it that have a
// configuration of their own.
func (c Config) validateChain() error {
	errs := []error{c.Fallback.validate(c.engines()), c.Limit.Validate(c.engines())}
	for _, name := range c.engines() {
		switch name {
		case EngineFunASR:
			errs = append(errs, c.FunASR.validate())
		case EngineOpenAI:
			errs = append(errs, c.OpenAI.validate())
		}
	}
	return errors.Join(errs...)
}

// newEngine makes the engines of the configuration, each within its limit,
// and the chain of them if there is more than one.
func (s *Service) newEngine(deps Deps) (Engine, error) {
	limits, err := s.cfg.Limit.Limits()
	if err != nil {
		return nil, err
	}
	names := s.cfg.engines()
	var engines []Engine
	for _, name := range names {
		e, err := s.build(name, deps)
		if err != nil {
			for _, built := range engines {
				err = errors.Join(err, built.Close())
			}
			return nil, err
		}
		if n := limits[name]; n > 0 {
			e = newLimited(name, e, n, s.cfg.Limit.Wait, s.engines)
		}
		engines = append(engines, e)
	}
	if len(engines) == 1 {
		return engines[0], nil
	}
	return newFallback(s.cfg.Fallback, names, engines, s.cfg.MaxUtterance, s.log, s.engines), nil
}
