package oms

import (
	"context"
	"errors"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// Codes of schemas.OrderWriteRejected.
const (
	codeInvalid     = "invalid_request"
	codeNotFound    = "not_found"
	codeUnsupported = "unsupported"
	codeExhausted   = "exhausted"
)

// event is the last part of the type of the fact that tells of a write.
var event = map[operation]string{opReturn: "return_created", opCancel: "cancelled", opIntercept: "intercepted"}

// job is one write, whatever its kind.
type job struct {
	op    operation
	write store.OMSWrite
	// do writes, and gives what came of it.
	do func(context.Context, *shop) (store.OMSWriteEnd, error)
}

func jobOf(data any) (job, bool) {
	switch d := data.(type) {
	case *schemas.ReturnCreate:
		line := ""
		if len(d.Lines) > 0 {
			line = d.Lines[0].LineID
		}
		return job{opReturn, noted(opReturn, d.Tenant, d.CallID, d.IdempotencyKey, d.OrderNumber, line, "", d.RequestedAt), createReturn(d)}, true
	case *schemas.OrderCancel:
		return job{opCancel, noted(opCancel, d.Tenant, d.CallID, d.IdempotencyKey, d.OrderNumber, "", "", d.RequestedAt), cancelOrder(d)}, true
	case *schemas.ParcelIntercept:
		return job{opIntercept, noted(opIntercept, d.Tenant, d.CallID, d.IdempotencyKey, d.OrderNumber, "", d.TrackingNo, d.RequestedAt), interceptParcel(d)}, true
	}
	return job{}, false
}

func noted(op operation, tenant, callID, key, order, line, tracking string, at time.Time) store.OMSWrite {
	return store.OMSWrite{
		IdempotencyKey: key, Tenant: tenant, Kind: string(op), CallID: callID, OrderNumber: order, OrderLine: line, TrackingNo: tracking, RequestedAt: at,
	}
}

func createReturn(d *schemas.ReturnCreate) func(context.Context, *shop) (store.OMSWriteEnd, error) {
	return func(ctx context.Context, sh *shop) (store.OMSWriteEnd, error) {
		r, err := sh.guard.CreateReturn(ctx, *d)
		r.CallID, r.IdempotencyKey, r.OrderNumber, r.Reason = d.CallID, d.IdempotencyKey, d.OrderNumber, short(r.Reason, maxReason)
		r.Number, r.Address = short(r.Number, maxNumber), short(r.Address, maxAddress)
		return store.OMSWriteEnd{
			Status: store.OMSWriteStatus(r.Status), Code: string(r.Code), Reason: r.Reason, Number: r.Number, Address: r.Address,
			Fact: &r,
		}, err
	}
}

// cancelOrder cancels, and when the goods have left has them stopped.
func cancelOrder(d *schemas.OrderCancel) func(context.Context, *shop) (store.OMSWriteEnd, error) {
	return func(ctx context.Context, sh *shop) (store.OMSWriteEnd, error) {
		r, err := sh.guard.Cancel(ctx, *d)
		r.CallID, r.IdempotencyKey, r.OrderNumber, r.Reason = d.CallID, d.IdempotencyKey, d.OrderNumber, short(r.Reason, maxReason)
		end := store.OMSWriteEnd{Status: store.OMSWriteStatus(r.Status), Code: string(r.Code), Reason: r.Reason, Fact: &r}
		if err != nil || r.Status != schemas.WriteRefused || r.Code != schemas.RefusedAlreadyShipped {
			return end, err
		}
		o, err := sh.guard.Order(ctx, d.OrderNumber)
		if errors.Is(err, ErrUnsupported) || errors.Is(err, ErrNotFound) {
			return end, nil // people see that it was refused
		}
		for _, p := range o.Parcels {
			if p.TrackingNo != "" && p.Status != "delivered" && p.Status != "returned" {
				end.Next = append(end.Next, interceptOf(d, p.TrackingNo))
			}
		}
		return end, err
	}
}

func interceptParcel(d *schemas.ParcelIntercept) func(context.Context, *shop) (store.OMSWriteEnd, error) {
	return func(ctx context.Context, sh *shop) (store.OMSWriteEnd, error) {
		r, err := sh.guard.Intercept(ctx, *d)
		r.CallID, r.IdempotencyKey, r.OrderNumber, r.TrackingNo = d.CallID, d.IdempotencyKey, d.OrderNumber, d.TrackingNo
		r.Reason = short(r.Reason, maxReason)
		return store.OMSWriteEnd{Status: store.OMSWriteStatus(r.Status), Code: string(r.Code), Reason: r.Reason, Fact: &r}, err
	}
}

// write makes one attempt. The system is written to before it is noted: the
// key makes what was done by a worker that died then be done once. After that
// the order is as with tickets: commit, publish, mark, acknowledge.
func (s *Service) write(ctx context.Context, m bus.Message) error {
	j, ok := jobOf(m.Data)
	if !ok {
		cause := errors.New("data is no work of the order worker")
		if _, err := s.refused(ctx, m.Refusal(cause)); err != nil {
			return err
		}
		return bus.Permanent(cause)
	}
	s.reached(PointReceived)
	now, err := s.writes.BeginOMSWrite(ctx, j.write, m.Attempt > 1)
	if err != nil {
		if errors.Is(err, store.ErrInvalid) {
			if _, err := s.refused(ctx, m.Refusal(err)); err != nil {
				return err
			}
			return bus.Permanent(err)
		}
		s.count(j, resultRetry)
		return err
	}
	if now.Status.Ended() {
		return s.repeat(ctx, j, now)
	}
	if now.Status == store.OMSWriteRejected {
		return s.rejectedBefore(ctx, j, now)
	}
	sh := s.shopOf(j.write.Tenant)
	end, err := j.do(ctx, sh)
	switch {
	case err == nil && !known(end.Status):
		err = errors.New("the order system answered without a status")
	case err == nil:
		s.reached(PointWritten)
		return s.end(ctx, sh, j, end)
	case ctx.Err() != nil:
		return err // the worker is stopping
	case errors.Is(err, ErrUnsupported):
		return s.reject(ctx, j, codeUnsupported, resultUnsupported, nil)
	case errors.Is(err, ErrNotFound):
		return s.reject(ctx, j, codeNotFound, resultNotFound, nil)
	case errors.Is(err, store.ErrInvalid):
		return s.reject(ctx, j, codeInvalid, resultInvalid, err)
	}
	// The note counts, not the stream: while our own database was away, the
	// system was not asked.
	if now.Attempts >= s.cfg.Writes.MaxAttempts {
		return s.reject(ctx, j, codeExhausted, resultExhausted, err)
	}
	s.count(j, resultRetry)
	return err
}

// What the contract lets a fact hold, in characters; a system says what it
// likes.
const (
	maxReason  = 500
	maxNumber  = 64
	maxAddress = 200
)

func short(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most])
	}
	return s
}

func known(st store.OMSWriteStatus) bool {
	return st == store.OMSWriteDone || st == store.OMSWriteRequested || st == store.OMSWriteRefused
}

func (s *Service) count(j job, result string) {
	s.metrics.writes.WithLabelValues(string(j.op), result).Inc()
}

// end notes what came of a write and tells it.
func (s *Service) end(ctx context.Context, sh *shop, j job, end store.OMSWriteEnd) error {
	sh.wrote(j.write.OrderNumber)
	end.Event = event[j.op]
	end.Subject = schemas.SubjectOMSFact(j.write.CallID, end.Event)
	changed, err := s.writes.EndOMSWrite(ctx, j.write.IdempotencyKey, end)
	if err != nil {
		s.count(j, resultRetry)
		return err
	}
	s.reached(PointCommitted)
	if err := s.tell(ctx, j, end); err != nil {
		s.count(j, resultRetry)
		return err
	}
	result := string(end.Status)
	if !changed {
		result = resultRepeated
	}
	s.count(j, result)
	s.log.Info("order system was written to", "call_id", j.write.CallID, "system", sh.name, "kind", string(j.op), "status", string(end.Status), "code", end.Code)
	return nil
}

// tell publishes the fact and what follows from it.
func (s *Service) tell(ctx context.Context, j job, end store.OMSWriteEnd) error {
	for _, next := range end.Next {
		if err := s.publish(ctx, store.OMSMessageID("work", next.Write.IdempotencyKey)); err != nil {
			return err
		}
	}
	return s.publish(ctx, store.OMSMessageID(end.Event, j.write.IdempotencyKey))
}

// repeat is work that had been done: the worker that did it may have died
// before it told.
func (s *Service) repeat(ctx context.Context, j job, was store.OMSWrite) error {
	end := store.OMSWriteEnd{Event: event[j.op]}
	var err error
	if j.op == opCancel && was.Code == string(schemas.RefusedAlreadyShipped) {
		end.Next, err = s.intercepts(ctx, was)
	}
	if err == nil {
		err = s.tell(ctx, j, end)
	}
	if err != nil {
		s.count(j, resultRetry)
		return err
	}
	s.count(j, resultRepeated)
	return nil
}

// intercepts are what followed from a cancellation that came too late.
func (s *Service) intercepts(ctx context.Context, c store.OMSWrite) ([]store.OMSWriteRequest, error) {
	writes, err := s.writes.OMSWritesOfOrder(ctx, c.OrderNumber)
	var out []store.OMSWriteRequest
	for _, w := range writes {
		if w.CallID == c.CallID && w.Kind == string(opIntercept) {
			out = append(out, store.OMSWriteRequest{Write: w})
		}
	}
	return out, err
}

// reject tells that a write will not be done: its ticket is people's. What the
// system cannot do or does not know is an end; what is wrong, or was tried too
// often, goes to the dead letters, and can be replayed from there.
func (s *Service) reject(ctx context.Context, j job, code, result string, cause error) error {
	fact := s.rejected(j, code)
	end := store.OMSWriteEnd{
		Status: store.OMSWriteRejected, Code: code, Reason: fact.Reason, Event: "rejected", Fact: &fact,
		Subject: schemas.SubjectOMSFact(j.write.CallID, "rejected"),
	}
	_, err := s.writes.EndOMSWrite(ctx, j.write.IdempotencyKey, end)
	if err == nil {
		err = s.tell(ctx, j, end)
	}
	if err != nil {
		s.count(j, resultRetry)
		return err
	}
	s.count(j, result)
	s.log.Warn("order system was not written to", "call_id", j.write.CallID, "kind", string(j.op), "code", code, "error", cause)
	if cause != nil {
		return bus.Permanent(cause)
	}
	return nil
}

func (s *Service) rejected(j job, code string) schemas.OrderWriteRejected {
	return schemas.OrderWriteRejected{
		CallID: j.write.CallID, IdempotencyKey: j.write.IdempotencyKey, Kind: string(j.op), Code: code, Reason: rejection[code], RejectedAt: s.now().UTC(),
	}
}

// rejectedBefore is work that had been given up: the worker that did so may have died
// before it told, or before the work was among the dead letters.
func (s *Service) rejectedBefore(ctx context.Context, j job, was store.OMSWrite) error {
	if err := s.tell(ctx, j, store.OMSWriteEnd{Event: "rejected"}); err != nil {
		s.count(j, resultRetry)
		return err
	}
	s.count(j, resultRepeated)
	if was.Code == codeUnsupported || was.Code == codeNotFound {
		return nil
	}
	return bus.Permanent(errors.New(was.Reason))
}

// rejection tells people why, and nothing of the inside of a system.
var rejection = map[string]string{
	codeInvalid:     "the request is wrong",
	codeNotFound:    "the order system has no such order or parcel",
	codeUnsupported: "the order system's connector cannot do this",
	codeExhausted:   "the order system could not be made to do it in the attempts allowed",
}
