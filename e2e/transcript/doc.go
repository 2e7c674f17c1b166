// Package transcript compares what was said with what was heard by its sound:
// whether something was said at all, and where.
package transcript
