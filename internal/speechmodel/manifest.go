package speechmodel

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/tidegate/tidegate/internal/dialect"
)

// ManifestName is the file that makes a folder a model.
const ManifestName = "manifest.yaml"

// maxManifest bounds a manifest file.
const maxManifest = 1 << 20

// Manifest says what a model is for, of which files it is made, and where
// they come from.
type Manifest struct {
	Name          string   `yaml:"name"`
	Use           string   `yaml:"use"`  // asr-streaming, asr-offline, tts, vad, denoise, punctuation, vocoder
	Kind          string   `yaml:"kind"` // architecture, which says how the engine loads it
	Description   string   `yaml:"description"`
	DescriptionZh string   `yaml:"description_zh,omitempty"`
	Languages     []string `yaml:"languages,omitempty"`   // ISO 639, as zh, en, ja
	Dialects      []string `yaml:"dialects,omitempty"`    // ids of internal/dialect
	SampleRate    int      `yaml:"sample_rate,omitempty"` // Hz; 0: no sound (punctuation)
	// Synthetic models understand synthetic voices only, and no person.
	Synthetic  bool   `yaml:"synthetic,omitempty"`
	Licence    string `yaml:"licence"`
	LicenceURL string `yaml:"licence_url,omitempty"`
	// LicenceNote is what the name of the licence does not say: data of
	// another licence, no commercial use, nothing stated.
	LicenceNote string `yaml:"licence_note,omitempty"`
	// Source is the page where the model is described.
	Source string `yaml:"source,omitempty"`
	// Archive holds the files that have no address of their own.
	Archive *Archive `yaml:"archive,omitempty"`
	// Hub is a Hugging Face repository with the same files, for pulls that
	// take file by file.
	Hub *Hub `yaml:"hub,omitempty"`
	// Options are the engine's, by names that its driver documents.
	Options map[string]string `yaml:"options,omitempty"`
	Files   []File            `yaml:"files"`
}

// Archive is one download with many files: .tar.bz2, .tar.gz, .tar or .zip.
type Archive struct {
	URL    string `yaml:"url"`
	Root   string `yaml:"root,omitempty"`   // folder in it that holds the files
	Bytes  int64  `yaml:"bytes,omitempty"`  // 0: not published
	SHA256 string `yaml:"sha256,omitempty"` // hex; empty: not published
	// ChecksumsURL is a published list of lines with a file name and its
	// SHA-256.
	ChecksumsURL string `yaml:"checksums_url,omitempty"`
}

// Hub is a repository of Hugging Face.
type Hub struct {
	Repository string `yaml:"repository"`         // owner/name
	Revision   string `yaml:"revision,omitempty"` // commit; empty: main
}

// File is a part of a model. A path that ends in a slash is a folder with
// everything below it.
type File struct {
	Role   string `yaml:"role"` // what the engine takes it for; several files may share one
	Path   string `yaml:"path"` // below the model's folder, with slashes
	URL    string `yaml:"url,omitempty"`
	Bytes  int64  `yaml:"bytes,omitempty"`  // 0: not published
	SHA256 string `yaml:"sha256,omitempty"` // hex; empty: not published
}

// Folder says whether the part is a folder.
func (f File) Folder() bool { return strings.HasSuffix(f.Path, "/") }

// Parse reads a manifest and validates it.
func Parse(b []byte) (m Manifest, err error) {
	defer func() { // goccy/go-yaml 1.19 panics on some sequences of a wrong tag
		if r := recover(); r != nil {
			m, err = Manifest{}, fmt.Errorf("%w: the YAML cannot be read", ErrManifest)
		}
	}()
	if len(b) > maxManifest {
		return Manifest{}, fmt.Errorf("%w: over %d bytes", ErrManifest, maxManifest)
	}
	if err := yaml.UnmarshalWithOptions(b, &m, yaml.Strict()); err != nil {
		return Manifest{}, fmt.Errorf("%w: %s", ErrManifest, yaml.FormatError(err, false, false))
	}
	if err := m.Validate(); err != nil {
		return Manifest{}, err
	}
	return m, nil
}

// All lists the files of a role, relative to the model's folder.
func (m Manifest) All(role string) []File {
	var out []File
	for _, f := range m.Files {
		if f.Role == role {
			out = append(out, f)
		}
	}
	return out
}

// DownloadBytes is how much a pull loads: the archive, else its files, and
// the files with an address of their own; 0 when a size is not published.
func (m Manifest) DownloadBytes() int64 {
	var sum int64
	packed := m.Archive != nil && m.Archive.Bytes > 0
	if packed {
		sum = m.Archive.Bytes
	}
	for _, f := range m.Files {
		if packed && f.URL == "" {
			continue
		}
		if f.Bytes == 0 {
			return 0
		}
		sum += f.Bytes
	}
	return sum
}

// Validate reports every field that cannot work; the error is ErrManifest.
func (m Manifest) Validate() error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if !nameForm.MatchString(m.Name) {
		bad("name: %.40q is none (letters, digits, point, dash, underscore)", m.Name)
	}
	if kinds, ok := parts[m.Use]; !ok {
		bad("use: %.40q is unknown", m.Use)
	} else if _, ok := kinds[m.Kind]; !ok {
		bad("kind: %.40q is unknown for %s", m.Kind, m.Use)
	}
	if m.SampleRate != 0 && (m.SampleRate < 8000 || m.SampleRate > 48000) || m.SampleRate == 0 && m.Use != UsePunctuation {
		bad("sample_rate: must be 8000 to 48000, is %d", m.SampleRate)
	}
	for _, l := range m.Languages {
		if !languageForm.MatchString(l) {
			bad("languages: %.40q is none", l)
		}
	}
	for _, d := range m.Dialects {
		if !dialect.Known(d) {
			bad("dialects: %.40q is unknown", d)
		}
	}
	if m.Licence == "" {
		bad("licence: must be stated")
	}
	errs = append(errs, m.validateSources()...)
	errs = append(errs, m.validateFiles()...)
	if len(errs) > 0 {
		return fmt.Errorf("%w: %w", ErrManifest, errors.Join(errs...))
	}
	return nil
}

func (m Manifest) validateSources() []error {
	var errs []error
	web := func(field, address string) {
		if address != "" && !webAddress(address) {
			errs = append(errs, fmt.Errorf("%s: %.80q is no address on the web", field, address))
		}
	}
	web("licence_url", m.LicenceURL)
	web("source", m.Source)
	if a := m.Archive; a != nil {
		if a.URL == "" {
			errs = append(errs, errors.New("archive.url: must be set"))
		}
		web("archive.url", a.URL)
		web("archive.checksums_url", a.ChecksumsURL)
		if a.Root != "" && !localPath(a.Root) {
			errs = append(errs, fmt.Errorf("archive.root: %.80q leaves the archive", a.Root))
		}
		if err := sum(a.SHA256, a.Bytes); err != nil {
			errs = append(errs, fmt.Errorf("archive.%w", err))
		}
	}
	if h := m.Hub; h != nil {
		if !repositoryForm.MatchString(h.Repository) || strings.Contains(h.Repository, "..") {
			errs = append(errs, fmt.Errorf("hub.repository: %.80q is none", h.Repository))
		}
		if h.Revision != "" && !nameForm.MatchString(h.Revision) {
			errs = append(errs, fmt.Errorf("hub.revision: %.80q is none", h.Revision))
		}
	}
	return errs
}

func (m Manifest) validateFiles() []error {
	var errs []error
	seen := map[string]bool{}
	for i, f := range m.Files {
		bad := func(err error) { errs = append(errs, fmt.Errorf("files[%d].%w", i, err)) }
		if !roleForm.MatchString(f.Role) {
			bad(fmt.Errorf("role: %.40q is none", f.Role))
		}
		if !localPath(strings.TrimSuffix(f.Path, "/")) || reserved(f.Path) {
			bad(fmt.Errorf("path: %.80q is none", f.Path))
		}
		if seen[f.Path] {
			bad(fmt.Errorf("path: %.80q is there twice", f.Path))
		}
		seen[f.Path] = true
		if f.URL != "" && !webAddress(f.URL) {
			bad(fmt.Errorf("url: %.80q is no address on the web", f.URL))
		}
		if f.Folder() && (f.SHA256 != "" || f.URL != "" || f.Bytes != 0) {
			bad(fmt.Errorf("path: %.80q is a folder, which has no size, checksum or address", f.Path))
		}
		if err := sum(f.SHA256, f.Bytes); err != nil {
			bad(err)
		}
	}
	for _, role := range parts[m.Use][m.Kind] {
		if len(m.All(role)) == 0 {
			errs = append(errs, fmt.Errorf("files: %s needs one of role %s", m.Kind, role))
		}
	}
	return errs
}

func sum(sha string, bytes int64) error {
	if sha != "" && !shaForm.MatchString(sha) {
		return fmt.Errorf("sha256: %.80q is none (64 hexadecimal digits, small letters)", sha)
	}
	if bytes < 0 {
		return fmt.Errorf("bytes: must not be below 0, is %d", bytes)
	}
	return nil
}

// localPath says whether p stays below the folder that it starts from.
func localPath(p string) bool {
	return p != "" && p != "." && path.Clean(p) == p && filepath.IsLocal(filepath.FromSlash(p)) && !strings.ContainsAny(p, "\\\x00:")
}

// reserved names are the store's own in a model's folder.
func reserved(p string) bool { return slices.Contains([]string{ManifestName, LockName}, p) }
