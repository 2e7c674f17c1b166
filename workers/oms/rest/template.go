package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"text/template"
	"text/template/parse"
	"time"
)

// How a template's values are written: as they are, as a path's segment, or
// as JSON. It is not left to the file's author, who would forget it once.
const (
	plain   = ""
	inPath  = "segment"
	inJSON  = "json"
	maxText = 64 << 10
)

// functions are all that templates can call besides the builtins of
// text/template.
func (s *System) functions() template.FuncMap {
	return template.FuncMap{
		inJSON: func(v any) (string, error) {
			b, err := json.Marshal(v)
			return string(b), err
		},
		inPath: func(v any) string { return url.PathEscape(fmt.Sprint(v)) },
		"secret": func(name string) (string, error) {
			v, ok := s.secrets[name]
			if !ok {
				return "", fmt.Errorf("there is no secret %q", name)
			}
			return v, nil
		},
		"now":    func(layout string) string { return s.now().In(s.zone).Format(layout) },
		"unix":   func() int64 { return s.now().Unix() },
		"unixms": func() int64 { return s.now().UnixMilli() },
		"time": func(layout, at string) (string, error) {
			t, err := time.Parse(time.RFC3339, at)
			return t.In(s.zone).Format(layout), err
		},
		"lookup": func(table, key string) (string, error) {
			t, ok := s.tables[table]
			if !ok {
				return "", fmt.Errorf("there is no table %q", table)
			}
			if v, ok := t[key]; ok {
				return v, nil
			}
			if v, ok := t["*"]; ok {
				return v, nil
			}
			return "", fmt.Errorf("table %q has neither the value nor *", table)
		},
		"yuan":  func(fen int64) string { return fmt.Sprintf("%d.%02d", fen/100, fen%100) },
		"upper": strings.ToUpper,
		"lower": strings.ToLower,
		"add":   func(a, b int) int { return a + b },
	}
}

func (s *System) template(text, mode string) (*template.Template, error) {
	t, err := template.New("").Option("missingkey=error").Funcs(s.functions()).Parse(text)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "template: :"))
	}
	if mode != plain && t.Tree != nil {
		escape(t.Tree, t.Root, mode)
	}
	return t, nil
}

// escape puts mode behind every action that writes something.
func escape(tree *parse.Tree, n parse.Node, mode string) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return
		}
		for _, c := range n.Nodes {
			escape(tree, c, mode)
		}
	case *parse.ActionNode:
		if len(n.Pipe.Decl) > 0 {
			return
		}
		last := n.Pipe.Cmds[len(n.Pipe.Cmds)-1]
		if id, ok := last.Args[0].(*parse.IdentifierNode); ok && id.Ident == mode {
			return
		}
		n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{
			NodeType: parse.NodeCommand, Pos: n.Pos, Args: []parse.Node{parse.NewIdentifier(mode).SetTree(tree).SetPos(n.Pos)},
		})
	case *parse.IfNode:
		escape(tree, n.List, mode)
		escape(tree, n.ElseList, mode)
	case *parse.RangeNode:
		escape(tree, n.List, mode)
		escape(tree, n.ElseList, mode)
	case *parse.WithNode:
		escape(tree, n.List, mode)
		escape(tree, n.ElseList, mode)
	}
}

var errTemplate = errors.New("request cannot be written")

// render fills a template in; its error names no value.
func render(t *template.Template, data map[string]any) (string, error) {
	var b strings.Builder
	if err := t.Execute(&limitedWriter{w: &b, left: maxText}, data); err != nil {
		var e template.ExecError
		if errors.As(err, &e) {
			err = e.Err
		}
		return "", fmt.Errorf("%w: %s", errTemplate, maskText(strings.TrimPrefix(err.Error(), "template: :")))
	}
	return b.String(), nil
}

type limitedWriter struct {
	w    *strings.Builder
	left int
}

func (l *limitedWriter) Write(b []byte) (int, error) {
	if l.left -= len(b); l.left < 0 {
		return 0, fmt.Errorf("over %d bytes", maxText)
	}
	return l.w.Write(b)
}

// request is a compiled requestSpec.
type request struct {
	name    string // operation and step, for errors and for who watches
	method  string
	path    *template.Template
	query   map[string]*template.Template
	headers map[string]*template.Template
	body    *template.Template
}

// written is a request that can be sent.
type written struct {
	method, path string
	query        url.Values
	headers      map[string]string
	body         string
}

func (r *request) write(data map[string]any) (w written, err error) {
	w = written{method: r.method, query: url.Values{}, headers: map[string]string{}}
	if w.path, err = render(r.path, data); err != nil {
		return w, err
	}
	for _, seg := range strings.Split(w.path, "/") {
		if seg == "." || seg == ".." {
			return w, fmt.Errorf("%w: the path holds %q", errTemplate, seg)
		}
	}
	for k, t := range r.query {
		v, err := render(t, data)
		if err != nil {
			return w, err
		}
		if v != "" {
			w.query.Set(k, v)
		}
	}
	for k, t := range r.headers {
		v, err := render(t, data)
		if err != nil {
			return w, err
		}
		if strings.ContainsAny(v, "\r\n\x00") {
			return w, fmt.Errorf("%w: header %s would hold a line end", errTemplate, k)
		}
		w.headers[k] = v
	}
	if r.body != nil {
		if w.body, err = render(r.body, data); err != nil {
			return w, err
		}
		if !json.Valid([]byte(w.body)) {
			return w, fmt.Errorf("%w: the body is no JSON; values quote themselves", errTemplate)
		}
	}
	return w, nil
}
