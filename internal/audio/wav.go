package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// WAV is a decoded RIFF/WAVE file. Samples of several channels are
// interleaved.
type WAV struct {
	Rate, Channels int
	Samples        []int16
}

// MaxWAVBytes bounds the sound that ReadWAV takes: 64 MB, over an hour of a
// telephone call.
const MaxWAVBytes = 64 << 20

// Errors of ReadWAV.
var (
	ErrNotWAV         = errors.New("not a RIFF/WAVE file")
	ErrWAVUnsupported = errors.New("WAV format is not 16-bit PCM or G.711")
	ErrWAVTooLarge    = errors.New("WAV file over the size limit")
)

// WAVE format tags (RFC 2361).
const (
	wavPCM        = 0x0001
	wavALaw       = 0x0006
	wavULaw       = 0x0007
	wavExtensible = 0xFFFE
)

type wavFormat struct {
	tag, channels, bits int
	rate                int
}

// ReadWAV reads 16-bit PCM and G.711 files, also those that a program wrote
// to a pipe, whose sizes in the header are 0 or 0xFFFFFFFF.
func ReadWAV(r io.Reader) (WAV, error) {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return WAV{}, fmt.Errorf("%w: %w", ErrNotWAV, err)
	}
	if string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return WAV{}, ErrNotWAV
	}
	var format *wavFormat
	for range 64 { // no file has more chunks before its sound
		var chunk [8]byte
		if _, err := io.ReadFull(r, chunk[:]); err != nil {
			return WAV{}, fmt.Errorf("%w: no data chunk: %w", ErrNotWAV, err)
		}
		id, size := string(chunk[:4]), int64(binary.LittleEndian.Uint32(chunk[4:]))
		switch {
		case id == "data" && format == nil:
			return WAV{}, fmt.Errorf("%w: data before format", ErrNotWAV)
		case id == "data":
			return readWAVData(r, *format, size)
		case id == "fmt ":
			f, err := readWAVFormat(r, size)
			if err != nil {
				return WAV{}, err
			}
			format = &f
		default:
			if _, err := io.CopyN(io.Discard, r, size+size&1); err != nil {
				return WAV{}, fmt.Errorf("%w: %w", ErrNotWAV, err)
			}
		}
	}
	return WAV{}, fmt.Errorf("%w: too many chunks", ErrNotWAV)
}

func readWAVFormat(r io.Reader, size int64) (wavFormat, error) {
	if size < 16 || size > 1024 {
		return wavFormat{}, fmt.Errorf("%w: format chunk of %d bytes", ErrNotWAV, size)
	}
	b := make([]byte, size+size&1)
	if _, err := io.ReadFull(r, b); err != nil {
		return wavFormat{}, fmt.Errorf("%w: %w", ErrNotWAV, err)
	}
	f := wavFormat{
		tag:      int(binary.LittleEndian.Uint16(b)),
		channels: int(binary.LittleEndian.Uint16(b[2:])),
		rate:     int(binary.LittleEndian.Uint32(b[4:])),
		bits:     int(binary.LittleEndian.Uint16(b[14:])),
	}
	if f.tag == wavExtensible && size >= 26 {
		f.tag = int(binary.LittleEndian.Uint16(b[24:])) // the sub-format's first bytes
	}
	wantBits := 8
	if f.tag == wavPCM {
		wantBits = 16
	}
	known := f.tag == wavPCM || f.tag == wavALaw || f.tag == wavULaw
	if !known || f.bits != wantBits || f.channels < 1 || f.channels > 8 || f.rate < 1000 || f.rate > 192000 {
		return wavFormat{}, fmt.Errorf("%w: tag %d, %d bits, %d channels, %d Hz", ErrWAVUnsupported, f.tag, f.bits, f.channels, f.rate)
	}
	return f, nil
}

func readWAVData(r io.Reader, f wavFormat, size int64) (WAV, error) {
	if size == 0 || size > 0x7FFFF000 { // written to a pipe: the size was not known
		size = MaxWAVBytes + 1
	} else if size > MaxWAVBytes {
		return WAV{}, ErrWAVTooLarge
	}
	b, err := io.ReadAll(io.LimitReader(r, size))
	if err != nil {
		return WAV{}, fmt.Errorf("read WAV data: %w", err)
	}
	if len(b) > MaxWAVBytes {
		return WAV{}, ErrWAVTooLarge
	}
	w := WAV{Rate: f.rate, Channels: f.channels}
	switch f.tag {
	case wavALaw:
		w.Samples = DecodeALaw(make([]int16, 0, len(b)), b)
	case wavULaw:
		w.Samples = DecodeULaw(make([]int16, 0, len(b)), b)
	default:
		w.Samples = DecodeL16(make([]int16, 0, len(b)/2), b)
	}
	w.Samples = w.Samples[:len(w.Samples)-len(w.Samples)%w.Channels]
	return w, nil
}

// WriteWAV writes 16-bit PCM.
func WriteWAV(out io.Writer, w WAV) error {
	if w.Rate < 1 || w.Channels < 1 || len(w.Samples)%w.Channels != 0 {
		return fmt.Errorf("write WAV: %d samples in %d channels at %d Hz", len(w.Samples), w.Channels, w.Rate)
	}
	if int64(len(w.Samples))*2 > 0x7FFFF000 {
		return ErrWAVTooLarge
	}
	le, data := binary.LittleEndian, uint32(len(w.Samples)*2)
	b := make([]byte, 0, 44+int(data))
	b = le.AppendUint32(append(b, "RIFF"...), 36+data)
	b = le.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = le.AppendUint16(b, wavPCM)
	b = le.AppendUint16(b, uint16(w.Channels))
	b = le.AppendUint32(b, uint32(w.Rate))
	b = le.AppendUint32(b, uint32(w.Rate*w.Channels*2))
	b = le.AppendUint16(b, uint16(w.Channels*2))
	b = le.AppendUint16(b, 16)
	b = le.AppendUint32(append(b, "data"...), data)
	_, err := out.Write(AppendL16(b, w.Samples))
	return err
}

// Mono averages the channels.
func (w WAV) Mono() []int16 {
	if w.Channels == 1 {
		return w.Samples
	}
	out := make([]int16, len(w.Samples)/w.Channels)
	for i := range out {
		var sum int
		for c := range w.Channels {
			sum += int(w.Samples[i*w.Channels+c])
		}
		out[i] = int16(sum / w.Channels)
	}
	return out
}
