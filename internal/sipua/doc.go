// Package sipua is a small SIP user agent with its audio: it answers and places
// calls over UDP and TCP, and carries G.711 and keypad digits over RTP.
//
// Signalling follows RFC 3261 (transactions come from sipgo; the dialogs are
// here), bodies follow RFC 3264 with PCMA, PCMU and telephone-event (RFC 4733),
// causes travel in the Reason header (RFC 3326, Q.850).
//
// Audio is mono 16-bit linear at 8,000 samples a second in frames of 160
// samples (20 ms). Whoever writes frames paces them. Registration, video,
// SRTP and ICE are not here.
package sipua
