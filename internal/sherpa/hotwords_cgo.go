//go:build cgo

package sherpa

// The Go wrapper lacks this function of the C API (c-api.h). Its library is
// linked by the wrapper; the header lies in a module whose folder cgo cannot
// name, so the declaration is repeated here.

// #include <stdlib.h>
// extern const void *SherpaOnnxCreateOnlineStreamWithHotwords(const void *recognizer, const char *hotwords);
import "C"

import (
	"unsafe"

	lib "github.com/k2-fsa/sherpa-onnx-go/sherpa_onnx"
)

// The wrapper's types hold one pointer and nothing else; a version that holds
// more does not compile here.
var (
	_ [unsafe.Sizeof(lib.OnlineRecognizer{}) - unsafe.Sizeof(uintptr(0))]struct{} = [0]struct{}{}
	_ [unsafe.Sizeof(lib.OnlineStream{}) - unsafe.Sizeof(uintptr(0))]struct{}     = [0]struct{}{}
)

// streamWithHotwords begins a stream whose search favours words, one a line.
func streamWithHotwords(r *lib.OnlineRecognizer, lines string) *lib.OnlineStream {
	text := C.CString(lines)
	defer C.free(unsafe.Pointer(text))
	recogniser := *(*unsafe.Pointer)(unsafe.Pointer(r))
	stream := new(lib.OnlineStream)
	*(*unsafe.Pointer)(unsafe.Pointer(stream)) = unsafe.Pointer(C.SherpaOnnxCreateOnlineStreamWithHotwords(recogniser, text))
	return stream
}
