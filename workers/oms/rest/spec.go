// Package rest connects any order system that speaks HTTP and JSON, as a YAML
// file describes it: requests as templates, answers mapped by JMESPath. One
// file is one system (docs/connect-your-oms.md).
//
// What leaves this package about a system's answers is masked: errors name
// the path and show the shape of a value, not the value.
package rest

import (
	"fmt"
	"time"
)

// Names of operations. What a file leaves out, the connector answers with
// oms.ErrUnsupported, or builds from another: an order by its number is found
// by either of two, and refunds are part of an order.
const (
	opFindByPhone  = "find_by_phone"
	opFindByNumber = "find_by_number"
	opFindByDigits = "find_by_last_digits"
	opOrder        = "order"
	opTrace        = "trace"
	opRefunds      = "refunds"
	opReturn       = "create_return"
	opCancel       = "cancel"
	opIntercept    = "intercept"
	opReady        = "ready"
)

var operationNames = []string{opFindByPhone, opFindByNumber, opFindByDigits, opOrder, opTrace, opRefunds, opReturn, opCancel, opIntercept, opReady}

func isWrite(op string) bool { return op == opReturn || op == opCancel || op == opIntercept }

// spec is a file as it is written.
type spec struct {
	Name       string                       `yaml:"name"`
	BaseURL    string                       `yaml:"base_url"`
	AllowHTTP  bool                         `yaml:"allow_http"`
	TimeZone   string                       `yaml:"time_zone"`
	Timeout    time.Duration                `yaml:"timeout"`
	MaxBytes   int64                        `yaml:"max_bytes"`
	Secrets    map[string]secretSpec        `yaml:"secrets"`
	Auth       authSpec                     `yaml:"auth"`
	Headers    map[string]string            `yaml:"headers"`
	Tables     map[string]map[string]string `yaml:"tables"`
	Answers    []ruleSpec                   `yaml:"answers"`
	Order      mapping                      `yaml:"order"`
	Operations map[string]operationSpec     `yaml:"operations"`
}

// secretSpec says where a secret is; it is never in the file itself.
type secretSpec struct {
	Env  string `yaml:"env"`
	File string `yaml:"file"`
}

type authSpec struct {
	Kind     string   `yaml:"kind"`
	Header   string   `yaml:"header"`
	Value    string   `yaml:"value"`
	User     string   `yaml:"user"`
	Password string   `yaml:"password"`
	TokenURL string   `yaml:"token_url"`
	ClientID string   `yaml:"client_id"`
	Secret   string   `yaml:"client_secret"`
	Scopes   []string `yaml:"scopes"`
	InBody   bool     `yaml:"credentials_in_body"`
	Sign     signSpec `yaml:"sign"`
}

type signSpec struct {
	Params    map[string]string `yaml:"params"`    // added to every query, and signed
	Name      string            `yaml:"name"`      // of the parameter that holds the signature
	Algorithm string            `yaml:"algorithm"` // of signAlgorithms
	Secret    string            `yaml:"secret"`    // template, of the key and of {secret}
	Before    string            `yaml:"before"`    // text before the pairs; {secret} stands for the secret
	After     string            `yaml:"after"`
	Between   string            `yaml:"between"`  // name and value
	Join      string            `yaml:"join"`     // pairs
	Case      string            `yaml:"case"`     // upper, lower
	Encoding  string            `yaml:"encoding"` // hex, base64
}

// ruleSpec says what an answer means that is no plain success.
type ruleSpec struct {
	Status []string `yaml:"status"` // 404, 5xx, 400-422
	When   string   `yaml:"when"`   // JMESPath over the body
	Is     string   `yaml:"is"`
	Code   string   `yaml:"code"`
	Reason string   `yaml:"reason"` // JMESPath
}

type requestSpec struct {
	Method  string            `yaml:"method"`
	Path    string            `yaml:"path"`
	Query   map[string]string `yaml:"query"`
	Headers map[string]string `yaml:"headers"`
	Body    string            `yaml:"body"`
}

// pickSpec takes the one item of a list whose path, as text, equals a
// template's text.
type pickSpec struct {
	Items  string `yaml:"items"`
	Path   string `yaml:"path"`
	Equals string `yaml:"equals"`
}

// stepSpec is a request before the one that counts; what set names is there
// for the templates after it as .vars.NAME.
type stepSpec struct {
	Request requestSpec       `yaml:"request"`
	Answers []ruleSpec        `yaml:"answers"`
	Pick    *pickSpec         `yaml:"pick"`
	Set     map[string]string `yaml:"set"`
	Missing string            `yaml:"missing"` // not_found, or an error when empty
}

type pageSpec struct {
	Kind     string `yaml:"kind"`  // number, offset, cursor, link
	Param    string `yaml:"param"` // query parameter of page, offset or cursor
	First    int    `yaml:"first"` // number of the first page
	Size     int    `yaml:"size"`  // items of a full page
	Next     string `yaml:"next"`  // JMESPath: cursor, link, or whether there is more
	MaxPages int    `yaml:"max_pages"`
}

// existingSpec finds what an earlier write with the key has made. Complete
// says whether it was made in whole; if not, only what follows the request is
// done again.
type existingSpec struct {
	Request  requestSpec       `yaml:"request"`
	Answers  []ruleSpec        `yaml:"answers"`
	Pick     *pickSpec         `yaml:"pick"`
	Set      map[string]string `yaml:"set"`
	Complete string            `yaml:"complete"`
}

type operationSpec struct {
	Steps       []stepSpec        `yaml:"steps"`
	Existing    *existingSpec     `yaml:"existing"`
	Request     requestSpec       `yaml:"request"`
	Set         map[string]string `yaml:"set"`
	Then        []stepSpec        `yaml:"then"`
	Answers     []ruleSpec        `yaml:"answers"`
	Items       string            `yaml:"items"`
	Item        string            `yaml:"item"`
	Map         mapping           `yaml:"map"`
	Page        *pageSpec         `yaml:"page"`
	NewestFirst bool              `yaml:"newest_first"`
}

// mapping says for each of our fields where it comes from.
type mapping map[string]fieldSpec

// fieldSpec is a JMESPath, or one with what to make of its value.
type fieldSpec struct {
	From    string            `yaml:"from"`
	Value   *string           `yaml:"value"`
	Table   map[string]string `yaml:"table"`
	Default *string           `yaml:"default"`
	Time    string            `yaml:"time"`
	Zone    string            `yaml:"zone"`
	Money   string            `yaml:"money"`
	Each    string            `yaml:"each"`
	Map     mapping           `yaml:"map"`
}

// UnmarshalYAML takes a bare path for {from: PATH}.
func (f *fieldSpec) UnmarshalYAML(unmarshal func(any) error) error {
	var path string
	if err := unmarshal(&path); err == nil {
		f.From = path
		return nil
	}
	type plain fieldSpec
	return unmarshal((*plain)(f))
}

// problem is one mistake of a file, with the YAML path of its place.
type problem struct {
	keys []string
	text string
}

func (p problem) String() string {
	where := ""
	for i, k := range p.keys {
		if i > 0 {
			where += "."
		}
		where += k
	}
	return fmt.Sprintf("%s: %s", where, p.text)
}
