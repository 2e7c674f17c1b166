package download

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/speechmodel"
)

// maxListing bounds a list of checksums or of files.
const maxListing = 8 << 20

var hex64 = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

// parseList reads a list of checksums: lines with a file name and its
// SHA-256, in either order, as sha256sum and release tools write them.
func parseList(r io.Reader) map[string]string {
	out := map[string]string{}
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		fields := strings.Fields(sc.Text())
		if len(fields) != 2 {
			continue
		}
		sum, name := fields[0], fields[1]
		if !hex64.MatchString(sum) {
			sum, name = name, sum
		}
		if hex64.MatchString(sum) {
			out[path.Base(strings.TrimPrefix(name, "*"))] = strings.ToLower(sum)
		}
	}
	return out
}

// published asks a release's list for a file's checksum; "" when it, or the
// list, is not there.
func (f *fetcher) published(ctx context.Context, list, file string) (string, error) {
	b, _, err := f.small(ctx, list)
	var status *StatusError
	if errors.As(err, &status) && (status.Code == http.StatusNotFound || status.Code == http.StatusGone) {
		f.progress.Say(fmt.Sprintf("%s: there is no list of checksums", status.URL))
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return parseList(strings.NewReader(string(b)))[file], nil
}

// small reads a short answer, trying as often as for a long one.
func (f *fetcher) small(ctx context.Context, address string) ([]byte, http.Header, error) {
	address = f.cfg.Mirrored(address)
	for attempt := 0; ; attempt++ {
		b, head, err := f.smallOnce(ctx, address)
		if err == nil {
			return b, head, nil
		}
		if ctx.Err() != nil {
			return nil, nil, fmt.Errorf("%w: %s", ErrInterrupted, address)
		}
		if !passing(err) {
			return nil, nil, err
		}
		if attempt+1 >= f.cfg.Attempts {
			return nil, nil, fmt.Errorf("%w %d times: %w", ErrBroken, f.cfg.Attempts, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(f.pause(attempt)):
		}
	}
}

func (f *fetcher) smallOnce(ctx context.Context, address string) ([]byte, http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, f.cfg.ConnectTimeout+f.cfg.StallTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, &diskError{err}
	}
	req.Header.Set("User-Agent", "tidegate")
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, nil, &StatusError{address, resp.StatusCode}
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxListing+1))
	if err == nil && len(b) > maxListing {
		err = fmt.Errorf("%w: %s has over %d bytes", ErrTooLarge, address, maxListing)
	}
	return b, resp.Header, err
}

// hubFile is what Hugging Face says of a file: the SHA-256 of one in LFS,
// else git's name of its content.
type hubFile struct {
	Type string `json:"type"`
	Path string `json:"path"`
	Size int64  `json:"size"`
	OID  string `json:"oid"`
	LFS  *struct {
		OID string `json:"oid"`
	} `json:"lfs"`
}

func (h hubFile) sha256() string {
	if h.LFS != nil && hex64.MatchString(h.LFS.OID) {
		return strings.ToLower(h.LFS.OID)
	}
	return ""
}

const hubHost = "https://huggingface.co"

func revision(h *speechmodel.Hub) string {
	if h.Revision == "" {
		return "main"
	}
	return h.Revision
}

// hubList lists the files of a repository, page by page.
func (f *fetcher) hubList(ctx context.Context, h *speechmodel.Hub) (map[string]hubFile, error) {
	out := map[string]hubFile{}
	next := fmt.Sprintf("%s/api/models/%s/tree/%s?recursive=true", hubHost, h.Repository, url.PathEscape(revision(h)))
	for page := 0; next != ""; page++ {
		if page >= 20 {
			return nil, fmt.Errorf("%w: %s lists too many files", ErrTooLarge, h.Repository)
		}
		b, head, err := f.small(ctx, next)
		if err != nil {
			return nil, err
		}
		var files []hubFile
		if err := json.Unmarshal(b, &files); err != nil {
			return nil, fmt.Errorf("the file list of %s: %w", h.Repository, err)
		}
		for _, file := range files {
			if file.Type == "file" {
				out[file.Path] = file
			}
		}
		next = nextPage(head.Get("Link"))
	}
	return out, nil
}

// nextPage reads the Link header (RFC 8288). A page is asked for at the
// hub's own address, so that a mirror's is used for it again.
func nextPage(link string) string {
	for part := range strings.SplitSeq(link, ",") {
		address, attributes, ok := strings.Cut(part, ";")
		if !ok || !strings.Contains(attributes, `rel="next"`) {
			continue
		}
		u, err := url.Parse(strings.Trim(strings.TrimSpace(address), "<>"))
		if err != nil {
			return ""
		}
		return hubHost + u.RequestURI()
	}
	return ""
}

// gitName is git's name of a file's content: SHA-1 of a head with its size,
// and of the content.
func gitName(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	h := sha1.New()
	_, _ = fmt.Fprintf(h, "blob %d\x00", len(b)) // never fails
	_, _ = h.Write(b)
	return hex.EncodeToString(h.Sum(nil)), nil
}
