package sherpa

// The kinds of speech enhancement models.
const (
	GTCRN   = "gtcrn"
	DPDFNet = "dpdfnet"
)

// DenoiserConfig names a speech enhancement model.
type DenoiserConfig struct {
	Kind    string
	Model   string
	Threads int // 0 is 1
	// MaxAttenuation bounds in dB how much DPDFNet takes away; 0 is no bound.
	MaxAttenuation float32
}
