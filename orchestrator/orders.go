package orchestrator

import (
	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/schemas"
)

// OrderOf is what the dialogue needs to know of an order of the order system.
func OrderOf(o schemas.Order) dialog.Order { return orderOf(o) }
