package schemas

// PromptsPrepare tells every synthesis worker what callers of a flow will
// hear word by word, so that it is ready before the first call. Orchestrators
// publish it at their start, and again when a worker wants it; a worker skips
// what it has. A long list comes in several messages. Everything in it is the
// same for every caller: workers may keep the sound on disk.
type PromptsPrepare struct {
	Flow        string        `json:"flow" jsonschema:"maxLength=64"`
	Version     string        `json:"version,omitempty" jsonschema:"maxLength=64"`
	SampleRates []int         `json:"sample_rates" jsonschema:"minItems=1,maxItems=2"`
	Prompts     []FixedPrompt `json:"prompts" jsonschema:"maxItems=200"`
}

// FixedPrompt is a text as MediaSay will ask for it.
type FixedPrompt struct {
	Text     string  `json:"text" jsonschema:"maxLength=1000"`
	Language string  `json:"language" jsonschema:"maxLength=16"`
	Voice    string  `json:"voice,omitempty" jsonschema:"maxLength=64"`
	Rate     float64 `json:"rate,omitempty" jsonschema:"minimum=0,maximum=4"`
	Style    string  `json:"style,omitempty" jsonschema:"maxLength=32"`
}

// PromptsPerMessage is how many prompts one PromptsPrepare holds at most.
const PromptsPerMessage = 200

// PromptsWanted asks every orchestrator for PromptsPrepare; a synthesis
// worker publishes it at its start.
type PromptsWanted struct {
	Worker string `json:"worker,omitempty" jsonschema:"maxLength=128"`
}
