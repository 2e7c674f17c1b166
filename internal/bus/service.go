package bus

import (
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// ServiceConfig describes a NATS micro service: discoverable and counted by
// `nats micro`. Version is semantic.
type ServiceConfig struct {
	Name, Version, Description, Queue string
	Endpoints                         []Endpoint
}

// Endpoint serves one subject. Handle answers with Respond or RespondError;
// it runs on the endpoint's goroutine and must hand long work on.
type Endpoint struct {
	Name, Subject string
	Handle        func(Message)
}

// Service is a running micro service.
type Service struct{ svc micro.Service }

// Stop drains the service's subscriptions.
func (s *Service) Stop() error { return s.svc.Stop() }

// Service starts a micro service. A malformed request is answered with 400
// and never reaches the handler.
func (b *Bus) Service(cfg ServiceConfig) (*Service, error) {
	svc, err := micro.AddService(b.nc, micro.Config{
		Name: cfg.Name, Version: cfg.Version, Description: cfg.Description, QueueGroup: cfg.Queue,
	})
	if err != nil {
		return nil, fmt.Errorf("service %s: %w", cfg.Name, err)
	}
	for _, ep := range cfg.Endpoints {
		h := micro.HandlerFunc(func(r micro.Request) {
			b.metrics.received.WithLabelValues("request").Inc()
			msg, err := b.decode(r.Subject(), r.Data())
			if err != nil {
				_ = r.Error("400", err.Error(), nil)
				return
			}
			// Not r.Respond and r.Error: they write into the request, which
			// the service reads without a lock when the handler returns, and
			// ours may answer later.
			reply := r.Reply()
			msg.respond = func(header nats.Header, raw []byte) error {
				return b.nc.PublishMsg(&nats.Msg{Subject: reply, Header: header, Data: raw})
			}
			ep.Handle(msg)
		})
		if err := svc.AddEndpoint(ep.Name, h, micro.WithEndpointSubject(ep.Subject)); err != nil {
			_ = svc.Stop()
			return nil, fmt.Errorf("service %s: endpoint %s: %w", cfg.Name, ep.Name, err)
		}
	}
	// Who is asked next hears it: a question that overtakes the subscription
	// on another connection would find nobody. Without a server there is
	// nothing to wait for.
	if b.nc.IsConnected() {
		if err := b.nc.FlushTimeout(b.cfg.RequestTimeout); err != nil {
			b.log.Warn("service started, its server is slow to hear of it", "service", cfg.Name, "error", err)
		}
	}
	return &Service{svc: svc}, nil
}
