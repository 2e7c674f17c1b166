// Package rest connects any order system that speaks HTTP and JSON, as a YAML
// file describes it: requests as templates, answers mapped by JMESPath. One
// file is one system (docs/connect-your-oms.md).
//
// What leaves this package about a system's answers is masked: errors name
// the path and show the shape of a value, not the value.
package rest

import "github.com/tidegate/tidegate/internal/restcall"

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
	Name              string `yaml:"name"`
	restcall.Endpoint `yaml:",inline"`
	Answers           []ruleSpec               `yaml:"answers"`
	Order             mapping                  `yaml:"order"`
	Operations        map[string]operationSpec `yaml:"operations"`
}

// ruleSpec says what an answer means that is no plain success.
type ruleSpec struct {
	Status []string      `yaml:"status"` // 404, 5xx, 400-422
	When   restcall.Expr `yaml:"when"`   // JMESPath over the body
	Is     string        `yaml:"is"`
	Code   string        `yaml:"code"`
	Reason restcall.Expr `yaml:"reason"` // JMESPath
}

// pickSpec takes the one item of a list whose path, as text, equals a
// template's text.
type pickSpec struct {
	Items  restcall.Expr `yaml:"items"`
	Path   restcall.Expr `yaml:"path"`
	Equals restcall.Text `yaml:"equals"`
}

// stepSpec is a request before the one that counts; what set names is there
// for the templates after it as .vars.NAME.
type stepSpec struct {
	Request restcall.Message         `yaml:"request"`
	Answers []ruleSpec               `yaml:"answers"`
	Pick    *pickSpec                `yaml:"pick"`
	Set     map[string]restcall.Expr `yaml:"set"`
	Missing string                   `yaml:"missing"` // not_found, or an error when empty
}

type pageSpec struct {
	Kind     string        `yaml:"kind"`  // number, offset, cursor, link
	Param    string        `yaml:"param"` // query parameter of page, offset or cursor
	First    int           `yaml:"first"` // number of the first page
	Size     int           `yaml:"size"`  // items of a full page
	Next     restcall.Expr `yaml:"next"`  // JMESPath: cursor, link, or whether there is more
	MaxPages int           `yaml:"max_pages"`
}

// existingSpec finds what an earlier write with the key has made. Complete
// says whether it was made in whole; if not, only what follows the request is
// done again.
type existingSpec struct {
	Request  restcall.Message         `yaml:"request"`
	Answers  []ruleSpec               `yaml:"answers"`
	Pick     *pickSpec                `yaml:"pick"`
	Set      map[string]restcall.Expr `yaml:"set"`
	Complete restcall.Expr            `yaml:"complete"`
}

type operationSpec struct {
	Steps       []stepSpec               `yaml:"steps"`
	Existing    *existingSpec            `yaml:"existing"`
	Request     restcall.Message         `yaml:"request"`
	Set         map[string]restcall.Expr `yaml:"set"`
	Then        []stepSpec               `yaml:"then"`
	Answers     []ruleSpec               `yaml:"answers"`
	Items       restcall.Expr            `yaml:"items"`
	Item        restcall.Expr            `yaml:"item"`
	Map         mapping                  `yaml:"map"`
	Page        *pageSpec                `yaml:"page"`
	NewestFirst bool                     `yaml:"newest_first"`
}

// mapping says for each of our fields where it comes from.
type mapping map[string]fieldSpec

// fieldSpec is a JMESPath, or one with what to make of its value.
type fieldSpec struct {
	From    restcall.Expr     `yaml:"from"`
	Value   *string           `yaml:"value"`
	Table   map[string]string `yaml:"table"`
	Default *string           `yaml:"default"`
	Time    string            `yaml:"time"`
	Zone    string            `yaml:"zone"`
	Money   string            `yaml:"money"`
	Each    restcall.Expr     `yaml:"each"`
	Map     mapping           `yaml:"map"`
}

// UnmarshalYAML takes a bare path for {from: PATH}.
func (f *fieldSpec) UnmarshalYAML(unmarshal func(any) error) error {
	var bare string
	if err := unmarshal(&bare); err == nil {
		return unmarshal(&f.From)
	}
	type plain fieldSpec
	return unmarshal((*plain)(f))
}
