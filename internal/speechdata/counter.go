package speechdata

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidegate/tidegate/internal/speechmodel"
)

// CounterWord is what Counter hears in each burst of sound.
const CounterWord = "响"

// Counter is the folder of an offline model in the format of SenseVoice, made
// here: it hears CounterWord in each burst of loud sound, nothing in silence,
// and takes whatever it hears for a language that is named as SenseVoice does
// ("<|yue|>"). With it the way of sound through an offline model can be
// tested, and nothing of recognition.
func Counter(t testing.TB, name, language string) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"model": filepath.Join(dir, "model.onnx"), "tokens": filepath.Join(dir, "tokens.txt")}
	tokens := []string{"<blank>", language, "<|NEUTRAL|>", "<|Speech|>", "<|woitn|>", CounterWord}
	var list strings.Builder
	for i, token := range tokens {
		list.WriteString(token + " " + string(rune('0'+i)) + "\n")
	}
	for path, content := range map[string][]byte{files["model"]: counterModel(len(tokens)), files["tokens"]: []byte(list.String())} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Folder(t, speechmodel.Manifest{Name: name, Use: speechmodel.UseOffline, Kind: "sense-voice", Languages: []string{"zh"}, SampleRate: 16000}, files)
}

// Features of SenseVoice: seven frames of 80 logarithms of energy at once.
const counterFeatures = 7 * 80

// counterModel is the ONNX file. For each step of sound it compares the mean
// of the features with a threshold between silence (-16) and loud sound
// (over 10); before them come the four tokens that SenseVoice begins with.
func counterModel(vocabulary int) []byte {
	weights := make([]float32, counterFeatures*vocabulary)
	for i := range counterFeatures {
		weights[i*vocabulary+vocabulary-1] = 1.0 / counterFeatures
	}
	bias := make([]float32, vocabulary)
	for i := range bias {
		bias[i] = -1000
	}
	bias[0], bias[vocabulary-1] = 5, 0
	begin := make([]float32, 4*vocabulary)
	for i := range 4 {
		begin[i*vocabulary+i+1] = 1
	}
	const float, int32 = 1, 6 // TensorProto.DataType
	graph := message(
		field(1, message(text(1, "x"), text(1, "weights"), text(2, "scaled"), text(4, "MatMul"))),
		field(1, message(text(1, "scaled"), text(1, "bias"), text(2, "scores"), text(4, "Add"))),
		field(1, message(text(1, "begin"), text(1, "scores"), text(2, "logits"), text(4, "Concat"),
			field(5, message(text(1, "axis"), number(3, 1), number(20, 2))))),
		text(2, "counter"),
		field(5, tensor("weights", weights, counterFeatures, vocabulary)),
		field(5, tensor("bias", bias, vocabulary)),
		field(5, tensor("begin", begin, 1, 4, vocabulary)),
		field(11, value("x", float, 1, 0, counterFeatures)),
		field(11, value("x_length", int32, 1)),
		field(11, value("language", int32, 1)),
		field(11, value("text_norm", int32, 1)),
		field(12, value("logits", float, 1, 0, vocabulary)),
	)
	model := [][]byte{number(1, 8), field(7, graph), field(8, message(text(1, ""), number(2, 13)))}
	zeros, ones := strings.Repeat("0,", counterFeatures-1)+"0", strings.Repeat("1,", counterFeatures-1)+"1"
	for _, m := range [][2]string{
		{"vocab_size", "6"}, {"lfr_window_size", "7"}, {"lfr_window_shift", "6"}, {"normalize_samples", "0"}, {"with_itn", "14"}, {"without_itn", "15"},
		{"lang_auto", "0"}, {"lang_zh", "3"}, {"lang_en", "4"}, {"lang_ja", "11"}, {"lang_ko", "12"}, {"lang_yue", "7"}, {"neg_mean", zeros}, {"inv_stddev", ones},
	} {
		model = append(model, field(14, message(text(1, m[0]), text(2, m[1]))))
	}
	return message(model...)
}

// tensor and value are ONNX's TensorProto and ValueInfoProto; a dimension of
// 0 is any.
func tensor(name string, data []float32, dims ...int) []byte {
	var raw []byte
	for _, x := range data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	parts := [][]byte{number(2, 1), text(8, name), field(9, raw)}
	for _, d := range dims {
		parts = append(parts, number(1, d))
	}
	return message(parts...)
}

func value(name string, kind int, dims ...int) []byte {
	var shape [][]byte
	for _, d := range dims {
		if d == 0 {
			shape = append(shape, field(1, text(2, "any")))
		} else {
			shape = append(shape, field(1, number(1, d)))
		}
	}
	return message(text(1, name), field(2, field(1, message(number(1, kind), field(2, message(shape...))))))
}

// Protocol buffers: https://protobuf.dev/programming-guides/encoding.
func message(fields ...[]byte) []byte {
	var out []byte
	for _, f := range fields {
		out = append(out, f...)
	}
	return out
}

func number(n, x int) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, uint64(n)<<3), uint64(x))
}

func text(n int, s string) []byte { return field(n, []byte(s)) }

func field(n int, b []byte) []byte {
	return append(binary.AppendUvarint(binary.AppendUvarint(nil, uint64(n)<<3|2), uint64(len(b))), b...)
}
