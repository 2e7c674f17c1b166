package interruption

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/tidegate/tidegate/orchestrator/dialog"
)

// Sentences are what the agent says at length while it is to be interrupted:
// some twenty seconds.
var Sentences = []string{
	"请您先听一下今天的通知。", "这几天订单比较多，仓库正在加紧处理退货。", "寄回来的商品，三个工作日之内会检查完。",
	"检查完以后，钱按原路退到您的账户。", "着急的话，您可以在手机上看退款进度。", "请问有什么可以帮您？",
}

// changes are the prompts of the shipped flow that are others here.
var changes = []struct {
	prompt *regexp.Regexp
	text   string
}{
	{regexp.MustCompile(`(?m)^(  greeting: ).*$`), `{text: "您好。", whole: true}`},
	{regexp.MustCompile(`(?m)^(  ask_intent: ).*$`), `{text: "` + strings.Join(Sentences, "") + `"}`},
}

// WriteFlow writes a flow into a folder that is the shipped one but for its
// first question, which begins with a long announcement.
func WriteFlow(dir string) error {
	shipped := dialog.Shipped()
	files, err := fs.Glob(shipped, "*.yaml")
	if err != nil {
		return err
	}
	changed := 0
	for _, name := range files {
		b, err := fs.ReadFile(shipped, name)
		if err != nil {
			return err
		}
		for _, c := range changes {
			if c.prompt.Match(b) {
				b = c.prompt.ReplaceAll(b, []byte("${1}"+c.text))
				changed++
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return err
		}
	}
	if changed != len(changes) {
		return fmt.Errorf("the shipped flow has %d of the %d prompts that are others here", changed, len(changes))
	}
	return nil
}
