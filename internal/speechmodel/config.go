package speechmodel

import "errors"

// Config is the configuration section "models".
type Config struct {
	Dir    string `koanf:"dir" help:"folder of the installed speech models, one folder each"`
	Mirror string `koanf:"mirror" help:"where 'tidegate models pull' downloads from in place of the addresses in the manifests"`
}

// Defaults look for models in the folder "models".
func Defaults() Config { return Config{Dir: "models"} }

// Validate reports every field that cannot work.
func (c Config) Validate() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("dir: must be set"))
	}
	return errors.Join(errs...)
}
