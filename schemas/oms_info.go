package schemas

// OrderSystemAsk asks how a tenant's order system is.
type OrderSystemAsk struct {
	Tenant string `json:"tenant,omitempty" jsonschema:"maxLength=64"`
}

// OrderSystemInfo answers OrderSystemAsk, for the worker that answers: each
// has its own breaker and cache.
type OrderSystemInfo struct {
	System string `json:"system" jsonschema:"maxLength=64,description=The tenant that the system is of, or builtin."`
	// Ready is false with a Reason when the system does not answer.
	Ready  bool   `json:"ready"`
	Reason string `json:"reason,omitempty" jsonschema:"maxLength=200"`
	// Breaker is open while the system is left alone after failures.
	Breaker       string `json:"breaker" jsonschema:"enum=closed,enum=open,enum=half_open"`
	RetryInMS     int64  `json:"retry_in_ms,omitempty" jsonschema:"minimum=0,description=Until an open breaker lets one attempt through."`
	MaxConcurrent int    `json:"max_concurrent" jsonschema:"minimum=1"`
	CachedAnswers int    `json:"cached_answers" jsonschema:"minimum=0"`
	Writes        bool   `json:"writes" jsonschema:"description=Whether this worker writes to order systems."`
}
