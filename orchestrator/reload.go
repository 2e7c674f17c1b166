package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/tidegate/tidegate/orchestrator/dialog"
)

// maxFlowFiles bounds what is looked at in a flow's folder.
const maxFlowFiles = 1000

var errManyFiles = fmt.Errorf("more than %d files", maxFlowFiles)

// fingerprint tells the states of a folder apart: names, sizes and times of its
// files. Conversations do not lead calls.
func fingerprint(folder fs.FS) (string, error) {
	var b strings.Builder
	n := 0
	err := fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name == dialog.ConversationsFolder || name != "." && strings.HasPrefix(path.Base(name), ".") {
				return fs.SkipDir
			}
			return nil
		}
		if n++; n > maxFlowFiles {
			return errManyFiles
		}
		// Stat follows links: a mounted volume changes by changing them.
		info, err := fs.Stat(folder, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s %d %d\n", name, info.Size(), info.ModTime().UnixNano())
		return nil
	})
	return b.String(), err
}

// watch looks at the folders of the flows until ctx ends, and calls changed
// when new calls get another version of one.
func (r *repertoire) watch(ctx context.Context, every time.Duration, changed func()) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if r.look() {
				changed()
			}
		case <-ctx.Done():
			return
		}
	}
}

// look loads what has changed and stays as it is since the last look: a folder
// that is being written to is left alone.
func (r *repertoire) look() (changed bool) {
	for _, w := range r.works {
		if !w.onDisk {
			continue
		}
		print, err := fingerprint(w.folder)
		if err != nil {
			print = "unreadable: " + err.Error()
		}
		settled := print == w.seen
		w.seen = print
		if !settled || print == w.tried {
			continue
		}
		w.tried = print
		if r.reload(w, err) {
			changed = true
		}
	}
	return changed
}

// reload takes a flow anew, or keeps the one there is when it is not right.
func (r *repertoire) reload(w *work, err error) bool {
	var flow *dialog.Flow
	if err == nil {
		flow, err = dialog.LoadFlow(w.folder, ".")
	}
	old := w.current.Flow
	if err == nil && (flow.Name() != old.Name() || flow.Language() != old.Language()) {
		err = fmt.Errorf("%w: it has become %s", errOtherFlow, flowLabel(flow))
	}
	if err != nil {
		r.reloads.WithLabelValues(reloadRefused).Inc()
		r.log.Error("changed flow refused; calls go on with the one before", "folder", w.name, "flow", flowLabel(old),
			"version", old.Version(), "error", err)
		return false
	}
	if flow.Version() == old.Version() {
		r.log.Warn("flow changed, but not its version", "folder", w.name, "flow", flowLabel(flow), "version", flow.Version())
	}
	machine := r.build(flow)
	r.mu.Lock()
	w.earlier = append(w.earlier, w.current)
	if n := len(w.earlier); n > keptVersions {
		w.earlier = append(w.earlier[:0:0], w.earlier[n-keptVersions:]...)
	}
	w.current = machine
	r.publish()
	r.mu.Unlock()
	r.reloads.WithLabelValues(reloadLoaded).Inc()
	r.log.Info("flow loaded; new calls are led by it", "folder", w.name, "flow", flowLabel(flow),
		"before", old.Version(), "version", flow.Version())
	return true
}

// errOtherFlow: a folder has come to hold a flow of another name or language,
// which is for a restart.
var errOtherFlow = errors.New("flow: another name or language")
