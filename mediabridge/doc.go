// Package mediabridge owns a call's sound. It serves the websocket that
// FreeSWITCH's mod_audio_fork connects to, finds where the caller speaks and
// where a turn ends, passes speech to a recogniser, speaks what it is told
// to, paced by its own clock, and stops within a frame or two when the caller
// interrupts.
//
// One at a time works on a session: the fork's reader with a frame, which is
// also the session's clock, and the session's goroutine with what the bus and
// the speech workers have put into its bounded mailboxes. A frame on its way
// through allocates nothing.
//
// # Events of a session
//
// Reliable events carry seq 1, 2, 3, ... and are kept for MediaSync. Ready is
// the first, Closed the last. For each utterance that the bridge accepts
// there is exactly one PlayoutEnded, and before it one PlayoutStarted unless
// nothing of it was heard; utterances are heard in the order of their Say
// commands, and the end of one is told before the start of the next. A
// barge-in is told as SpeechStarted{interrupted} and then one
// PlayoutEnded{interrupted} for each utterance cut. Each SpeechStarted that
// opens a caller's utterance is followed by exactly one final Transcript with
// the next utterance number, whose text is empty when nothing was recognised,
// unless the session ends first.
package mediabridge
