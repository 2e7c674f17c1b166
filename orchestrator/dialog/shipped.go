package dialog

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// shippedRoot holds the embedded flows, as NAME/LANGUAGE.
const shippedRoot = "flows"

// defaultLanguage is that of an embedded flow whose language is not named.
const defaultLanguage = "zh-CN"

// ConversationsFolder is the folder of a flow that its conversations are in.
const ConversationsFolder = "conversations"

// ErrNoFlow: no embedded flow has the name.
var ErrNoFlow = errors.New("dialog: no such flow")

// ShippedFlows lists the embedded flows as NAME/LANGUAGE, in order.
func ShippedFlows() []string {
	files, err := fs.Glob(embedded, shippedRoot+"/*/*/flow.yaml")
	if err != nil {
		panic("dialog: embedded flows: " + err.Error())
	}
	var out []string
	for _, f := range files {
		out = append(out, strings.TrimPrefix(path.Dir(f), shippedRoot+"/"))
	}
	return out
}

// ShippedFlow is the folder of an embedded flow by NAME/LANGUAGE, or by NAME
// alone for Mandarin.
func ShippedFlow(name string) (fs.FS, error) {
	full := name
	if !strings.Contains(name, "/") {
		full = name + "/" + defaultLanguage
	}
	for _, known := range ShippedFlows() {
		if known == full {
			return fs.Sub(embedded, shippedRoot+"/"+known)
		}
	}
	return nil, fmt.Errorf("%w: %.60q; there are %s", ErrNoFlow, name, strings.Join(ShippedFlows(), ", "))
}
