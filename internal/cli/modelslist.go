package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/internal/dialect"
	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/internal/speechmodel"
)

// listedModel is a line of 'models list --json'.
type listedModel struct {
	Name          string   `json:"name"`
	Use           string   `json:"use"`
	Kind          string   `json:"kind"`
	Description   string   `json:"description"`
	DescriptionZh string   `json:"description_zh,omitempty"`
	Languages     []string `json:"languages"`
	Dialects      []string `json:"dialects"`
	SampleRate    int      `json:"sample_rate,omitempty"`
	Synthetic     bool     `json:"synthetic,omitempty"`
	DownloadBytes int64    `json:"download_bytes,omitempty"` // not there: not published
	Licence       string   `json:"licence"`
	LicenceURL    string   `json:"licence_url,omitempty"`
	LicenceNote   string   `json:"licence_note,omitempty"`
	Source        string   `json:"source,omitempty"`
	BuiltIn       bool     `json:"built_in"` // its manifest is
	Installed     bool     `json:"installed"`
	FirstSeen     bool     `json:"first_seen,omitempty"` // installed, and a checksum is not published
	Dir           string   `json:"dir,omitempty"`

	files []speechmodel.File
}

func modelsListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [NAME...]",
		Short: "List the models that are known or installed, or describe those named",
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := loadModels(cmd)
			if err != nil {
				return err
			}
			all, listErr := listModels(cfg)
			if listErr != nil {
				fmt.Fprintln(cmd.ErrOrStderr(), "tidegate:", oneLine{listErr})
			}
			models, err := choose(all, args)
			if err != nil {
				return &usageError{cmd.CommandPath(), err}
			}
			switch out := cmd.OutOrStdout(); {
			case asJSON:
				return printJSON(out, models)
			case len(args) > 0:
				describeModels(out, models)
				return nil
			default:
				return tabulateModels(out, cfg, models)
			}
		},
	}
	addConfigFlagsOf(cmd, "models")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// listModels joins the built-in manifests with what is installed.
func listModels(cfg speechmodel.Config) ([]listedModel, error) {
	installed, err := speechmodel.NewStore(cfg).List()
	byName := map[string]*speechmodel.Model{}
	for _, m := range installed {
		byName[m.Name] = m
	}
	var out []listedModel
	for _, e := range speechmodel.Catalog() {
		l := listed(e.Manifest, byName[e.Name])
		l.BuiltIn = true
		out = append(out, l)
	}
	for _, m := range installed {
		if _, ok := speechmodel.Lookup(m.Name); !ok {
			out = append(out, listed(m.Manifest, m))
		}
	}
	return out, err
}

func listed(m speechmodel.Manifest, there *speechmodel.Model) listedModel {
	l := listedModel{
		Name: m.Name, Use: m.Use, Kind: m.Kind, Description: m.Description, DescriptionZh: m.DescriptionZh,
		Languages: m.Languages, Dialects: m.Dialects, SampleRate: m.SampleRate, Synthetic: m.Synthetic,
		DownloadBytes: m.DownloadBytes(), Licence: m.Licence, LicenceURL: m.LicenceURL, LicenceNote: m.LicenceNote,
		Source: m.Source, files: m.Files,
	}
	if there != nil {
		l.Installed, l.Dir = true, there.Dir
		if lock, err := speechmodel.ReadLock(there.Dir); err == nil {
			l.FirstSeen = lock.FirstSeen()
		}
	}
	return l
}

func choose(all []listedModel, names []string) ([]listedModel, error) {
	if len(names) == 0 {
		return all, nil
	}
	var out []listedModel
	for _, name := range names {
		found := false
		for _, m := range all {
			if m.Name == name {
				out, found = append(out, m), true
			}
		}
		if !found {
			return nil, unknownModel(name)
		}
	}
	return out, nil
}

func tabulateModels(out io.Writer, cfg speechmodel.Config, models []listedModel) error {
	fmt.Fprintf(out, "Speech models in %s. This build: %s.\n", cfg.Dir, engines())
	if !sherpa.Available {
		fmt.Fprintln(out, "Models can be downloaded and verified here, but no engine of this build runs them.")
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 8, 2, ' ', 0)
	use := ""
	for _, m := range models {
		if m.Use != use {
			use = m.Use
			fmt.Fprintf(w, "\n%s\t\t\t\t\n", use)
		}
		state := ""
		switch {
		case m.Installed && m.FirstSeen:
			state = "installed (first seen)"
		case m.Installed:
			state = "installed"
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", m.Name, size(m.DownloadBytes), spoken(m), m.Licence, state)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(table.String()) {
		fmt.Fprintln(out, strings.TrimRight(line, " \n"))
	}
	return nil
}

// spoken is the languages, when they are not too many, and the dialects.
func spoken(m listedModel) string {
	s := strings.Join(m.Languages, " ")
	if len(m.Languages) > 5 {
		s = fmt.Sprintf("%s +%d", strings.Join(m.Languages[:3], " "), len(m.Languages)-3)
	}
	dialects := 0
	for _, d := range m.Dialects {
		if d != "zh" {
			dialects++
		}
	}
	if dialects > 1 {
		s += fmt.Sprintf(", %d dialects", dialects)
	}
	return s
}

func describeModels(out io.Writer, models []listedModel) {
	for i, m := range models {
		if i > 0 {
			fmt.Fprintln(out)
		}
		field := func(name, value string) {
			if value != "" {
				fmt.Fprintf(out, "  %-10s %s\n", name, value)
			}
		}
		fmt.Fprintln(out, m.Name)
		field("", m.Description)
		field("", m.DescriptionZh)
		if m.Synthetic {
			field("", "Understands synthetic voices only, and no person. 只能听懂合成语音，听不懂真人。")
		}
		field("use", m.Use+", "+m.Kind)
		if m.SampleRate > 0 {
			field("rate", fmt.Sprintf("%d Hz", m.SampleRate))
		}
		field("languages", strings.Join(m.Languages, ", "))
		field("dialects", strings.Join(dialectNames(m.Dialects), ", "))
		field("download", size(m.DownloadBytes))
		field("licence", m.Licence)
		field("", m.LicenceURL)
		field("", m.LicenceNote)
		field("page", m.Source)
		for _, f := range m.files {
			sum := "checksum not in the manifest"
			if f.SHA256 != "" {
				sum = "sha256 " + f.SHA256
			}
			if f.Folder() {
				sum = "folder"
			}
			field("file", fmt.Sprintf("%s: %s, %s", f.Role, f.Path, sum))
		}
		if m.Installed {
			field("installed", m.Dir)
		} else {
			field("installed", "no; tidegate models pull "+m.Name)
		}
	}
}

func dialectNames(ids []string) []string {
	var out []string
	for _, id := range ids {
		if d, ok := dialect.Lookup(id); ok {
			out = append(out, fmt.Sprintf("%s (%s, %s)", id, d.Zh, d.En))
		}
	}
	return out
}
