package dialog

import "testing"

func TestDefaultFlowLoads(t *testing.T) {
	if _, err := LoadFlow(embedded, "flows/returns/zh-CN"); err != nil {
		t.Fatal(err)
	}
}
