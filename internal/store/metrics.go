package store

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type operation string

const (
	opOrdersFind   operation = "orders_find"
	opTicketOpen   operation = "ticket_open"
	opTicketsList  operation = "tickets_list"
	opOutboxRead   operation = "outbox_read"
	opOutboxMark   operation = "outbox_mark"
	opRecordCall   operation = "record_call"
	opCallsList    operation = "calls_list"
	opCallDetail   operation = "call_detail"
	opTicketIndex  operation = "ticket_index"
	opTicketStats  operation = "ticket_stats"
	opTicketExport operation = "ticket_export"
	opKeyRead      operation = "api_key_read"
	opKeyWrite     operation = "api_key_write"
	opAuditWrite   operation = "audit_write"
	opAuditList    operation = "audit_list"
	opAuditPrune   operation = "audit_prune"
	opSeed         operation = "seed"
	opMigrate      operation = "migrate"
	resultOK                 = "ok"
	resultNotFound           = "not_found"
	resultInvalid            = "invalid"
	resultAway               = "unavailable"
	resultError              = "error"
)

var (
	allOperations = []operation{opOrdersFind, opTicketOpen, opTicketsList, opOutboxRead, opOutboxMark, opRecordCall, opCallsList, opCallDetail,
		opTicketIndex, opTicketStats, opTicketExport, opKeyRead, opKeyWrite, opAuditWrite, opAuditList, opAuditPrune, opSeed, opMigrate}
	allResults = []string{resultOK, resultNotFound, resultInvalid, resultAway, resultError}
)

type metrics struct {
	seconds *prometheus.HistogramVec
	total   *prometheus.CounterVec
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
	case errors.Is(err, ErrInvalid):
		return resultInvalid
	case errors.Is(err, ErrUnavailable):
		return resultAway
	}
	return resultError
}
