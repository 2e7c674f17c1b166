package rest

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Kinds of paging.
const (
	pageNumber = "number"
	pageOffset = "offset"
	pageCursor = "cursor"
	pageLink   = "link"
)

var pageKinds = []string{pageNumber, pageOffset, pageCursor, pageLink}

// cursor is where the next page is.
type cursor struct {
	page, items int
	last        string
	query       url.Values
	link        string
}

// nextLink is the next page of a Link header (RFC 8288), where next may be one
// of several relations, but not the beginning of another.
var nextLink = regexp.MustCompile(`<([^>]*)>\s*;[^,]*\brel=(?:"(?:[^" ]+ +)*next(?: [^"]*)?"|next\s*(?:[;,]|$))`)

// advance moves to the next page; last says that there is none.
func (c *cursor) advance(p *paging, body any, header http.Header, items int) (last bool, err error) {
	if p.kind == "" {
		return true, nil
	}
	var next any
	if p.next.Set() {
		if next, err = p.next.get(body); err != nil {
			return true, err
		}
	}
	c.items += items
	switch p.kind {
	case pageNumber, pageOffset:
		if items == 0 || !p.next.Set() && items < p.size || p.next.Set() && !truthy(next) {
			return true, nil
		}
		c.page++
		if p.kind == pageNumber {
			c.query.Set(p.param, strconv.Itoa(c.page))
		} else {
			c.query.Set(p.param, strconv.Itoa(c.items))
		}
	case pageCursor:
		at, _ := text(next)
		// A cursor that stays where it is would be read for ever.
		if at == "" || at == "0" || at == c.last {
			return true, nil
		}
		c.last = at
		c.query.Set(p.param, at)
	case pageLink:
		at, _ := text(next)
		if !p.next.Set() {
			if m := nextLink.FindStringSubmatch(strings.Join(header.Values("Link"), ", ")); m != nil {
				at = m[1]
			}
		}
		if at == "" || at == c.last {
			return true, nil
		}
		c.last, c.link = at, at
	}
	return false, nil
}
