// Package transcript compares what was said with what was heard: by
// characters, for the error rate of a recogniser, and by sounds, for the
// question whether something was said at all.
package transcript
