// Package schemas is the contract between Tidegate's services, and with other
// people's workers: the envelope, the subjects, the events and commands.
//
// The Go types here are the source. JSON Schema (2020-12) and AsyncAPI are
// generated from them into v1/ and asyncapi.yaml; a test regenerates and
// compares. Examples under v1/examples must validate and decode for ever.
package schemas

import (
	"encoding/json"
	"time"
)

// SpecVersion is the CloudEvents version the envelope follows.
const SpecVersion = "1.0"

// Envelope carries every message on the bus: CloudEvents 1.0 in structured
// JSON mode. Extension attributes (CallID, Tenant, Traceparent) follow the
// CloudEvents naming rule of lower-case letters and digits.
type Envelope struct {
	SpecVersion     string          `json:"specversion" jsonschema:"enum=1.0"`
	ID              string          `json:"id" jsonschema:"minLength=1,maxLength=200,description=Unique with source; a repeat of the same id is a repeat of the same message."`
	Source          string          `json:"source" jsonschema:"minLength=1,maxLength=200,description=Who says it: /tidegate/SERVICE/INSTANCE."`
	Type            string          `json:"type" jsonschema:"pattern=^tidegate\\.v1\\.[a-z_.]+$,description=What is said; names the schema of data."`
	Subject         string          `json:"subject,omitempty" jsonschema:"maxLength=200,description=What it is about inside the source: a call id or a ticket number."`
	Time            time.Time       `json:"time"`
	DataContentType string          `json:"datacontenttype" jsonschema:"enum=application/json"`
	DataSchema      string          `json:"dataschema,omitempty" jsonschema:"maxLength=300"`
	CallID          string          `json:"callid,omitempty" jsonschema:"pattern=^[A-Za-z0-9_-]{1\\,64}$,description=The FreeSWITCH channel UUID of the call."`
	Tenant          string          `json:"tenant,omitempty" jsonschema:"pattern=^[A-Za-z0-9_-]{1\\,64}$"`
	Traceparent     string          `json:"traceparent,omitempty" jsonschema:"maxLength=55,description=W3C Trace Context."`
	Data            json.RawMessage `json:"data"`
}
