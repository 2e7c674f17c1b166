package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// ValidSearch says whether a text can be searched for: at most MaxSearchText
// characters in at most ten words, with a letter or digit in it, and no word
// that is a telephone number. The error is ErrInvalid.
func ValidSearch(text string) error {
	terms := searchTerms(text)
	switch {
	case !utf8.ValidString(text), utf8.RuneCountInString(text) > MaxSearchText, len(terms) > maxSearchTerms:
		return fmt.Errorf("%w: search text is too long", ErrInvalid)
	case len(terms) == 0:
		return fmt.Errorf("%w: search text has no letter or digit", ErrInvalid)
	}
	for _, t := range terms {
		if withoutNumbers(t) != t {
			return fmt.Errorf("%w: search text has a long number", ErrInvalid)
		}
	}
	return nil
}

// matching keeps the tickets whose text holds every word of text. The grams
// find candidates by index, and the body decides: pairs may stand apart.
func (s *Store) matching(tx *gorm.DB, text string) *gorm.DB {
	terms := searchTerms(text)
	var need, where []string
	var args []any
	holds := "strpos(body, ?) > 0"
	if s.dialect == sqliteDialect {
		holds = "instr(body, ?) > 0"
	}
	for _, t := range terms {
		for _, g := range termGrams(t) {
			// Only letters and digits are in a gram: quotes need no escape.
			if s.dialect == sqliteDialect {
				need = append(need, `"`+g+`"`)
			} else {
				need = append(need, `'`+g+`'`)
			}
		}
		where = append(where, holds)
		args = append(args, t)
	}
	candidates := "grams @@ CAST(? AS tsquery)"
	and := " & "
	if s.dialect == sqliteDialect {
		candidates, and = "docid IN (SELECT rowid FROM ticket_grams WHERE ticket_grams MATCH ?)", " AND "
	}
	sub := "id IN (SELECT ticket_id FROM ticket_texts WHERE " + candidates + " AND " + strings.Join(where, " AND ") + ")"
	return tx.Where(sub, append([]any{strings.Join(need, and)}, args...)...)
}

// IndexTicket brings the searched text of a ticket up to date with its
// summary, its reason and its comments. A ticket that is gone is no error.
func (s *Store) IndexTicket(ctx context.Context, id string) error {
	return s.inTx(ctx, opTicketIndex, func(tx *gorm.DB) error { return s.indexTicket(tx, id) })
}

// IndexMissing indexes up to limit of the tickets after an id that are not in
// the index: those that are older than it, or whose facts were lost. It gives
// the id to go on after, or "" when none is left.
func (s *Store) IndexMissing(ctx context.Context, after string, limit int) (string, error) {
	var ids []string
	err := s.inTx(ctx, opTicketIndex, func(tx *gorm.DB) error {
		missing := tx.Model(&ticketRow{}).Where("id > ?", after).Order("id").Limit(limit).
			Where("NOT EXISTS (SELECT 1 FROM ticket_texts WHERE ticket_texts.ticket_id = tickets.id)")
		if err := missing.Pluck("id", &ids).Error; err != nil {
			return err
		}
		for _, id := range ids {
			if err := s.indexTicket(tx, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || len(ids) < limit {
		return "", err
	}
	return ids[len(ids)-1], nil
}

func (s *Store) indexTicket(tx *gorm.DB, id string) error {
	var t ticketRow
	// The lock puts two indexers of one ticket in order, so that the later
	// one's text stays. SQLite has one writer anyway.
	if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", id).Take(&t).Error; errors.Is(err, gorm.ErrRecordNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	parts, err := searchedComments(tx, id)
	if err != nil {
		return err
	}
	body := searchBody(append(parts, t.Summary, t.ReasonText)...)
	value := "?"
	if s.dialect == postgresDialect {
		value = "array_to_tsvector(string_to_array(?, ' '))"
	}
	return tx.Exec(`INSERT INTO ticket_texts (ticket_id, body, grams) VALUES (?, ?, `+value+`)
		ON CONFLICT (ticket_id) DO UPDATE SET body = excluded.body, grams = excluded.grams`, id, body, strings.Join(grams(body), " ")).Error
}

// maxSearched bounds the characters of comments that a ticket is found by, the
// newest first: PostgreSQL refuses a tsvector of over a megabyte.
const maxSearched = 60_000

func searchedComments(tx *gorm.DB, id string) ([]string, error) {
	var comments []ticketCommentRow
	if err := tx.Where("ticket_id = ?", id).Order("at DESC, id DESC").Limit(maxComments).Find(&comments).Error; err != nil {
		return nil, err
	}
	var out []string
	left := maxSearched
	for _, c := range comments {
		if left -= utf8.RuneCountInString(c.Text); left < 0 {
			break
		}
		out = append(out, c.Text)
	}
	return out, nil
}
