package audio

import (
	"encoding/binary"

	"github.com/zaf/g711"
)

// DecodeALaw appends the samples of G.711 A-law bytes to dst.
func DecodeALaw(dst []int16, src []byte) []int16 {
	for _, b := range src {
		dst = append(dst, g711.DecodeAlawFrame(b))
	}
	return dst
}

// EncodeALaw appends samples to dst as G.711 A-law, one byte each.
func EncodeALaw(dst []byte, src []int16) []byte {
	for _, s := range src {
		dst = append(dst, g711.EncodeAlawFrame(s))
	}
	return dst
}

// DecodeULaw appends the samples of G.711 µ-law bytes to dst.
func DecodeULaw(dst []int16, src []byte) []int16 {
	for _, b := range src {
		dst = append(dst, g711.DecodeUlawFrame(b))
	}
	return dst
}

// EncodeULaw appends samples to dst as G.711 µ-law, one byte each.
func EncodeULaw(dst []byte, src []int16) []byte {
	for _, s := range src {
		dst = append(dst, g711.EncodeUlawFrame(s))
	}
	return dst
}

// AppendL16 appends samples to dst as little-endian L16, two bytes each.
func AppendL16(dst []byte, pcm []int16) []byte {
	for _, s := range pcm {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(s))
	}
	return dst
}

// DecodeL16 appends the samples of little-endian L16 bytes to dst. An odd
// last byte is ignored: who reads a stream keeps it for the next piece.
func DecodeL16(dst []int16, b []byte) []int16 {
	for ; len(b) >= 2; b = b[2:] {
		dst = append(dst, int16(binary.LittleEndian.Uint16(b)))
	}
	return dst
}
