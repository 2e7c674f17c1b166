package console

import (
	"time"

	"github.com/tidegate/tidegate/internal/store"
)

// externalView is a ticket's copy in the tenant's own ticket system.
type externalView struct {
	System   string     `json:"system"`
	ID       string     `json:"id,omitempty"` // absent until it is there
	URL      string     `json:"url,omitempty"`
	Status   string     `json:"status,omitempty"` // the system's own word
	Error    string     `json:"error,omitempty"`  // why the last delivery failed
	Waiting  int64      `json:"waiting"`          // changes that it has not been told
	SyncedAt *time.Time `json:"synced_at,omitempty"`
}

func viewExternal(l *store.Link) *externalView {
	if l == nil {
		return nil
	}
	v := &externalView{System: l.System, ID: l.ExternalID, URL: l.URL, Status: l.Status, Error: l.Error, Waiting: l.Queued - l.Delivered}
	if !l.SyncedAt.IsZero() {
		v.SyncedAt = &l.SyncedAt
	}
	return v
}
