package store

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"gorm.io/gorm"

	"github.com/tidegate/tidegate/schemas"
)

// TicketHistory is one change of one field of a ticket.
type TicketHistory struct {
	Version int64
	At      time.Time
	By      string
	Field   string
	From    string
	To      string
	Why     string
}

// TicketComment is what somebody wrote about a ticket.
type TicketComment struct {
	ID   string
	At   time.Time
	By   string
	Text string
}

// AttachmentKind says what an attachment is.
type AttachmentKind string

// The kinds of attachment. The store keeps links, never the things.
const (
	AttachmentRecording  AttachmentKind = "recording"
	AttachmentTranscript AttachmentKind = "transcript"
	AttachmentOther      AttachmentKind = "other"
)

// Attachment is a link to something that belongs to a ticket.
type Attachment struct {
	ID    string
	At    time.Time
	By    string
	Kind  AttachmentKind
	URL   string
	Title string
}

// TicketLife is a ticket with what happened to it, oldest first: the last 2,000
// changes of its fields, and all comments and attachments.
type TicketLife struct {
	Ticket      Ticket
	Next        []TicketStatus
	History     []TicketHistory
	Comments    []TicketComment
	Attachments []Attachment
}

type ticketHistoryRow struct {
	TicketID string `gorm:"primaryKey"`
	Version  int64  `gorm:"primaryKey;autoIncrement:false"`
	Position int    `gorm:"primaryKey;autoIncrement:false"`
	At       time.Time
	Who      string
	Field    string
	Source   string
	Target   string
	Why      string
}

func (ticketHistoryRow) TableName() string { return "ticket_history" }

type ticketCommentRow struct {
	ID       string `gorm:"primaryKey"`
	TicketID string
	At       time.Time
	Who      string
	Text     string
}

func (ticketCommentRow) TableName() string { return "ticket_comments" }

type attachmentRow struct {
	ID       string `gorm:"primaryKey"`
	TicketID string
	At       time.Time
	Who      string
	Kind     string
	URL      string `gorm:"column:url"`
	Title    string
}

func (attachmentRow) TableName() string { return "ticket_attachments" }

func historyOf(t ticketRow, changes []schemas.FieldChange, who, why string, now time.Time) []ticketHistoryRow {
	rows := make([]ticketHistoryRow, 0, len(changes))
	for i, c := range changes {
		rows = append(rows, ticketHistoryRow{
			TicketID: t.ID, Version: t.Version, Position: i, At: now, Who: who, Field: c.Field, Source: c.From, Target: c.To, Why: why,
		})
	}
	return rows
}

func putHistory(tx *gorm.DB, t ticketRow, changes []schemas.FieldChange, who, why string, now time.Time) error {
	rows := historyOf(t, changes, who, why, now)
	return tx.Create(&rows).Error
}

// CommentTicket adds a comment. It needs no version: it takes nothing away
// from what somebody else sees.
func (s *Store) CommentTicket(ctx context.Context, id, who, text string) (Changed, error) {
	return s.CommentVersion(ctx, id, 0, who, text)
}

// CommentVersion is CommentTicket, about one version of the ticket only.
func (s *Store) CommentVersion(ctx context.Context, id string, version int64, who, text string) (Changed, error) {
	if !ValidWho(who) || text == "" || badText(text, maxCommentText) {
		return Changed{}, fmt.Errorf("%w: comment", ErrInvalid)
	}
	return s.changing(ctx, opTicketChange, id, version, func(e *ticketEdit) error {
		if err := e.room(&ticketCommentRow{}, maxComments, "comments"); err != nil {
			return err
		}
		row := ticketCommentRow{ID: schemas.NewID(e.now), TicketID: id, At: e.now, Who: who, Text: text}
		e.by, e.comment = who, text
		e.extra = append(e.extra, schemas.FieldChange{Field: "comment", To: row.ID})
		return e.tx.Create(&row).Error
	})
}

// AttachToTicket adds a link: https, or LinkScheme.
func (s *Store) AttachToTicket(ctx context.Context, id, who string, a Attachment) (Changed, error) {
	kinds := map[AttachmentKind]bool{AttachmentRecording: true, AttachmentTranscript: true, AttachmentOther: true}
	if !ValidWho(who) || !kinds[a.Kind] || !validLink(a.URL) || badText(a.Title, maxTitle) {
		return Changed{}, fmt.Errorf("%w: attachment", ErrInvalid)
	}
	return s.changing(ctx, opTicketChange, id, 0, func(e *ticketEdit) error {
		if err := e.room(&attachmentRow{}, maxAttachments, "attachments"); err != nil {
			return err
		}
		row := attachmentRow{ID: schemas.NewID(e.now), TicketID: id, At: e.now, Who: who, Kind: string(a.Kind), URL: a.URL, Title: a.Title}
		e.by = who
		e.extra = append(e.extra, schemas.FieldChange{Field: "attachment", To: row.ID})
		return e.tx.Create(&row).Error
	})
}

// attachTranscript makes the transcript that a request names an attachment,
// when its link is one that people can follow.
func attachTranscript(tx *gorm.DB, t ticketRow, now time.Time) error {
	row, ok := transcriptOf(t, now)
	if !ok {
		return nil
	}
	return tx.Create(&row).Error
}

func transcriptOf(t ticketRow, now time.Time) (attachmentRow, bool) {
	if !validLink(t.TranscriptURL) {
		return attachmentRow{}, false
	}
	return attachmentRow{
		ID: schemas.NewID(now), TicketID: t.ID, At: now, Who: byDispatch, Kind: string(AttachmentTranscript), URL: t.TranscriptURL,
	}, true
}

// room refuses what would be one too many. The ticket's row is held, so that
// nobody else adds one meanwhile.
func (e *ticketEdit) room(of any, limit int64, what string) error {
	var n int64
	if err := e.tx.Model(of).Where("ticket_id = ?", e.row.ID).Count(&n).Error; err != nil {
		return err
	}
	if n >= limit {
		return fmt.Errorf("%w: %w: the ticket has %d %s already", ErrInvalid, ErrFull, n, what)
	}
	return nil
}

// maxHistory bounds what one life loads of each; there can be fewer comments
// and attachments than that.
const maxHistory = 2000

// TicketLife reads a ticket with its history, comments, attachments and copy,
// as they were at one moment; ErrNotFound when there is none.
func (s *Store) TicketLife(ctx context.Context, id string) (TicketLife, error) {
	var (
		t           ticketRow
		links       []linkRow
		history     []ticketHistoryRow
		comments    []ticketCommentRow
		attachments []attachmentRow
	)
	read := func(tx *gorm.DB) error {
		if err := tx.Where("id = ?", id).Take(&t).Error; err != nil {
			return err
		}
		for _, q := range []struct {
			order string
			into  any
		}{{"version DESC, position DESC", &history}, {"at, id", &comments}, {"at, id", &attachments}, {"ticket_id", &links}} {
			if err := tx.Where("ticket_id = ?", id).Order(q.order).Limit(maxHistory).Find(q.into).Error; err != nil {
				return err
			}
		}
		return nil
	}
	err := s.reading(ctx, opTicketLife, func(db *gorm.DB) error { return db.Transaction(read, s.snapshot()) })
	if err != nil {
		return TicketLife{}, fmt.Errorf("ticket: %w", err)
	}
	life := TicketLife{Ticket: t.domain(), Next: NextStatuses(TicketStatus(t.Status))}
	if len(links) > 0 {
		l := links[0].domain()
		life.Ticket.External = &l
	}
	slices.Reverse(history) // the newest are those that the bound leaves
	for _, r := range history {
		life.History = append(life.History, TicketHistory{Version: r.Version, At: r.At.UTC(), By: r.Who, Field: r.Field, From: r.Source, To: r.Target, Why: r.Why})
	}
	for _, r := range comments {
		life.Comments = append(life.Comments, TicketComment{ID: r.ID, At: r.At.UTC(), By: r.Who, Text: r.Text})
	}
	for _, r := range attachments {
		life.Attachments = append(life.Attachments, Attachment{ID: r.ID, At: r.At.UTC(), By: r.Who, Kind: AttachmentKind(r.Kind), URL: r.URL, Title: r.Title})
	}
	return life, nil
}

// validLink accepts links that people can follow and nothing else: https, or
// this project's own scheme for what it keeps itself.
func validLink(s string) bool {
	if len(s) > maxAttachmentURL || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return false
	}
	u, err := url.Parse(s)
	if err != nil || u.User != nil {
		return false
	}
	switch u.Scheme {
	case "https":
		return u.Hostname() != ""
	case LinkScheme:
		return u.Opaque != "" || u.Host != "" && u.Path != ""
	}
	return false
}

// LinkScheme begins links to what the installation keeps itself:
// tidegate://recordings/CALL for example.
const LinkScheme = "tidegate"
