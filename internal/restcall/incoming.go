package restcall

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
)

// Refusal is why a message that came is not taken. Field, where it is known,
// is the part of the message that is wrong.
type Refusal struct {
	Status int
	Kind   string // the last part of the problem's type
	Detail string
	Field  string
}

// Error is the detail.
func (r *Refusal) Error() string { return r.Detail }

// errGone: whoever sent the message does not wait for the answer.
var errGone = errors.New("the sender is gone")

// ReadMessage reads the JSON body of a message. The error is a *Refusal, or
// says that nobody waits for the answer.
func ReadMessage(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, &Refusal{Status: http.StatusUnsupportedMediaType, Kind: "unsupported-media-type", Detail: "The message has to be application/json."}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, &Refusal{Status: http.StatusRequestEntityTooLarge, Kind: "too-large", Detail: fmt.Sprintf("The message is over %d bytes.", limit)}
	}
	if err != nil {
		return nil, errGone
	}
	return body, nil
}

// BadSignature is the refusal of a message that Signing.Verify does not let in.
func BadSignature() *Refusal {
	return &Refusal{Status: http.StatusUnauthorized, Kind: "signature", Detail: "The signature is not right, or the message is not of these five minutes."}
}

// BadField is the refusal of a message with a part that is wrong.
func BadField(field, detail string) *Refusal {
	return &Refusal{Status: http.StatusUnprocessableEntity, Kind: "invalid-message", Detail: detail, Field: field}
}

// Write answers with a problem document (RFC 9457).
func (r *Refusal) Write(w http.ResponseWriter) {
	doc := map[string]any{"type": "https://tidegate.dev/problems/" + r.Kind, "title": http.StatusText(r.Status), "status": r.Status, "detail": r.Detail}
	if r.Field != "" {
		doc["detail"] = "The message is wrong in: " + r.Field + "."
		doc["errors"] = []map[string]string{{"field": r.Field, "detail": r.Detail}}
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(r.Status)
	_ = json.NewEncoder(w).Encode(doc)
}

// WriteUnavailable asks for the message again.
func WriteUnavailable(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "5")
	(&Refusal{Status: http.StatusServiceUnavailable, Kind: "unavailable", Detail: "The message cannot be taken now; send it again."}).Write(w)
}
