package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/internal/speechmodel"
	"github.com/tidegate/tidegate/internal/speechmodel/download"
)

func modelsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "models", Short: "List, download and verify speech models",
		Long: `List, download and verify the models of the speech engines that run on this
machine. Manifests of many are built in; a model of your own is a folder with a
manifest.yaml (docs/models.md).`,
	}
	return group(cmd, modelsListCommand(), modelsPullCommand(), modelsVerifyCommand())
}

// loadModels reads the section "models".
func loadModels(cmd *cobra.Command) (speechmodel.Config, error) {
	cfg, err := load(cmd, nil)
	if err = errors.Join(err, cfg.validate([]string{"models"})); err != nil {
		return speechmodel.Config{}, &configError{err}
	}
	return cfg.Models, nil
}

// tieModels keeps the models in the data directory, unless they have a place
// of their own: every command then finds the same ones.
func (c *Config) tieModels() {
	if def := Defaults(); c.Models.Dir == def.Models.Dir && c.Up.DataDir != def.Up.DataDir {
		c.Models.Dir = filepath.Join(c.Up.DataDir, "models")
	}
	c.ASR.Models, c.TTS.Models = c.Models, c.Models
}

// engines says which speech engine this build has.
func engines() string {
	if sherpa.Available {
		return "sherpa-onnx " + sherpa.Version()
	}
	return sherpa.ErrNoCgo.Error()
}

func modelsPullCommand() *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "pull NAME...",
		Short: "Download models and install them",
		Long: `Download models by name (see 'tidegate models list') and install them once their
checksums are right. A download that broke off, or was interrupted, is gone on
with by the same command. Proxies are taken from HTTPS_PROXY and NO_PROXY, a
mirror from models.mirror.

With --from nothing is downloaded: the model is installed from its archive, from
a folder with its files, or from a folder with a manifest.yaml of its own (then
without NAME).`,
		RunE: func(cmd *cobra.Command, args []string) error {
			entries, err := pullEntries(cmd, from, args)
			if err != nil {
				return err
			}
			cfg, err := loadModels(cmd)
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return pullModels(ctx, cmd, cfg, entries, from)
		},
	}
	addConfigFlagsOf(cmd, "models")
	cmd.Flags().StringVar(&from, "from", "", "install from this archive or folder, without a network")
	return cmd
}

// pullEntries finds the manifests that a command line names.
func pullEntries(cmd *cobra.Command, from string, args []string) ([]speechmodel.Entry, error) {
	usage := func(err error) error { return &usageError{cmd.CommandPath(), err} }
	if from != "" && len(args) == 0 {
		b, err := os.ReadFile(filepath.Join(from, speechmodel.ManifestName))
		if err != nil {
			return nil, usage(fmt.Errorf("--from without NAME wants a folder with a %s: %w", speechmodel.ManifestName, err))
		}
		m, err := speechmodel.Parse(b)
		if err != nil {
			return nil, err
		}
		return []speechmodel.Entry{{Manifest: m, Text: b}}, nil
	}
	if len(args) == 0 || from != "" && len(args) != 1 {
		return nil, usage(errors.New("wants the NAME of a model, several of them without --from"))
	}
	var out []speechmodel.Entry
	for _, name := range args {
		e, ok := speechmodel.Lookup(name)
		if !ok {
			return nil, usage(unknownModel(name))
		}
		out = append(out, e)
	}
	return out, nil
}

// unknownModel names the models that may have been meant.
func unknownModel(name string) error {
	var near []string
	for _, e := range speechmodel.Catalog() {
		if strings.Contains(strings.ToLower(e.Name), strings.ToLower(name)) {
			near = append(near, e.Name)
		}
	}
	switch {
	case len(near) == 0:
		return fmt.Errorf("no model is called %.60q; 'tidegate models list' shows all", name)
	case len(near) > 5:
		return fmt.Errorf("no model is called %.60q; %d names have that in them, see 'tidegate models list'", name, len(near))
	}
	return fmt.Errorf("no model is called %.60q; is one of these meant? %s", name, strings.Join(near, ", "))
}

func pullModels(ctx context.Context, cmd *cobra.Command, cfg speechmodel.Config, entries []speechmodel.Entry, from string) error {
	out := cmd.OutOrStdout()
	in := download.New(cfg, newProgress(cmd.ErrOrStderr()))
	defer in.Close()
	for _, e := range entries {
		fmt.Fprintf(out, "%s\n  licence: %s\n", e.Name, licence(e.Manifest))
		var res download.Result
		var err error
		if from != "" {
			res, err = in.InstallFrom(ctx, e, from)
		} else {
			res, err = in.Pull(ctx, e)
		}
		if errors.Is(err, download.ErrInterrupted) {
			return fmt.Errorf("%w; what has come is kept, and the same command goes on with it", err)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", e.Name, oneLine{err})
		}
		fmt.Fprintf(out, "  %s\n", outcome(res))
	}
	return nil
}

func outcome(res download.Result) string {
	verb := "installed in "
	if res.Already {
		verb = "is there already, and whole: "
	}
	if res.FirstSeen {
		return verb + res.Dir + " (checksums as first seen, none published)"
	}
	return verb + res.Dir + " (checksums as published)"
}

func licence(m speechmodel.Manifest) string {
	s := m.Licence
	if m.LicenceURL != "" {
		s += " <" + m.LicenceURL + ">"
	}
	if m.LicenceNote != "" {
		s += ". " + m.LicenceNote
	}
	return s
}

// oneLine prints joined errors on one line.
type oneLine struct{ error }

func (e oneLine) Unwrap() error { return e.error }
func (e oneLine) Error() string { return strings.Join(messages(e.error), "; ") }

// messages are the lines of an error, each of which is one when it was
// joined.
func messages(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}

func modelsVerifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify [NAME...]",
		Short: "Compare the files of installed models with their checksums",
		Long: `Compare the files of installed models, or of those named, with their checksums.
Exit code 1 when one is missing or is another file.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := loadModels(cmd)
			if err != nil {
				return err
			}
			return verifyModels(cmd, cfg, args)
		},
	}
	addConfigFlagsOf(cmd, "models")
	return cmd
}

func verifyModels(cmd *cobra.Command, cfg speechmodel.Config, names []string) error {
	out := cmd.OutOrStdout()
	store := speechmodel.NewStore(cfg)
	bad := false
	if len(names) == 0 {
		installed, err := store.List()
		for _, line := range messages(err) {
			bad = true
			fmt.Fprintln(out, line)
		}
		for _, m := range installed {
			names = append(names, filepath.Base(m.Dir))
		}
		if len(names) == 0 && !bad {
			fmt.Fprintf(out, "no model is installed in %s\n", cfg.Dir)
		}
	}
	for _, name := range names {
		if _, err := store.Open(name); err != nil {
			bad = true
			for _, line := range messages(err) {
				fmt.Fprintf(out, "%s: %s\n", name, strings.TrimPrefix(line, "model "+name+": "))
			}
			continue
		}
		fmt.Fprintf(out, "%s: right\n", name)
	}
	if bad {
		return errSilent
	}
	return nil
}
