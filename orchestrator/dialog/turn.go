package dialog

func (t *turn) started()                     {}
func (t *turn) heard(in Heard)               {}
func (t *turn) digits(in Digits)             {}
func (t *turn) silence()                     {}
func (t *turn) ordersFound(in OrdersFound)   {}
func (t *turn) ticketOpened(in TicketOpened) {}
func (t *turn) ticketFailed(in TicketFailed) {}
func (t *turn) handoffFailed()               {}
func (t *turn) resumed(in Resumed)           {}

var factNames = []string{}
