// Package conversation plays everything around the dialogue: the order system,
// the tickets and the caller. Conversations written in YAML are flows' tests;
// the same Call carries a conversation by keyboard. docs/dialogue.md describes
// the format.
package conversation
