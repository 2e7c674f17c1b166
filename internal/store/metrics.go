package store

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type operation string

const (
	opOrdersFind   operation = "orders_find"
	opOrderGet     operation = "order_get"
	opTrace        operation = "trace_find"
	opRefunds      operation = "refunds_find"
	opReturn       operation = "return_create"
	opCancel       operation = "order_cancel"
	opIntercept    operation = "parcel_intercept"
	opOrderSave    operation = "order_save"
	opTicketOpen   operation = "ticket_open"
	opTicketsList  operation = "tickets_list"
	opOutboxRead   operation = "outbox_read"
	opOutboxMark   operation = "outbox_mark"
	opRecordCall   operation = "record_call"
	opCallsList    operation = "calls_list"
	opCallDetail   operation = "call_detail"
	opOMSWrite     operation = "oms_write"
	opOMSRead      operation = "oms_read"
	opLink         operation = "ticket_link"
	opLinkRead     operation = "ticket_link_read"
	opTicketIndex  operation = "ticket_index"
	opTicketStats  operation = "ticket_stats"
	opTicketExport operation = "ticket_export"
	opKeyRead      operation = "api_key_read"
	opKeyWrite     operation = "api_key_write"
	opAuditWrite   operation = "audit_write"
	opAuditList    operation = "audit_list"
	opSeed         operation = "seed"
	opMigrate      operation = "migrate"
	opVaultKeys    operation = "vault_keys"
	opVaultRotate  operation = "vault_rotate"
	opRetain       operation = "retain"
	resultOK                 = "ok"
	resultNotFound           = "not_found"
	resultInvalid            = "invalid"
	resultAway               = "unavailable"
	resultError              = "error"
)

var (
	allOperations = []operation{opOrdersFind, opOrderGet, opTrace, opRefunds, opReturn, opCancel, opIntercept, opOrderSave, opTicketOpen, opTicketChange,
		opTicketLife, opTicketEscalate, opTicketsList, opOutboxRead, opOutboxMark, opRecordCall, opCallsList, opCallDetail, opOMSWrite, opOMSRead,
		opLink, opLinkRead, opTicketIndex, opTicketStats, opTicketExport, opKeyRead, opKeyWrite, opAuditWrite, opAuditList,
		opNotify, opNotifyRead, opSeed, opMigrate, opVaultKeys, opVaultRotate, opRetain}
	allResults = []string{resultOK, resultNotFound, resultInvalid, resultAway, resultError}
)

type metrics struct {
	seconds *prometheus.HistogramVec
	total   *prometheus.CounterVec
	rotated *prometheus.CounterVec
	expired *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	m := &metrics{
		seconds: shared(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tidegate_store_operation_seconds", Help: "Time of a database operation.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"operation"})),
		total: shared(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_store_operations_total", Help: "Database operations by result.",
		}, []string{"operation", "result"})),
	}
	m.rotated = shared(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tidegate_store_rotated_rows_total", Help: "Rows sealed anew with the active keys.",
	}, []string{"table"}))
	for _, t := range sealedTables {
		m.rotated.WithLabelValues(t.name)
	}
	m.expired = shared(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tidegate_store_expired_rows_total", Help: "Rows deleted because their time is over.",
	}, []string{"kind"}))
	for _, k := range expiries {
		m.expired.WithLabelValues(string(k.kind))
	}
	for _, op := range allOperations {
		m.seconds.WithLabelValues(string(op))
		for _, r := range allResults {
			m.total.WithLabelValues(string(op), r)
		}
	}
	return m
}

// shared registers c, or returns what is registered already: several
// services in one process may each open the store.
func shared[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	var already prometheus.AlreadyRegisteredError
	if err := reg.Register(c); errors.As(err, &already) {
		if old, ok := already.ExistingCollector.(C); ok {
			return old
		}
	} else if err != nil {
		panic(err) // a programming error: two metrics of one name
	}
	return c
}

func (m *metrics) observe(op operation, fn func() error) error {
	start := time.Now()
	err := fn()
	m.seconds.WithLabelValues(string(op)).Observe(time.Since(start).Seconds())
	m.total.WithLabelValues(string(op), resultOf(err)).Inc()
	return err
}

func resultOf(err error) string {
	switch {
	case err == nil:
		return resultOK
	case errors.Is(err, ErrNotFound):
		return resultNotFound
	case errors.Is(err, ErrInvalid), isRefusal(err):
		return resultInvalid
	case errors.Is(err, ErrUnavailable):
		return resultAway
	}
	return resultError
}
