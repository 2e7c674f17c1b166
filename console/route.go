package console

import (
	"net/http"
)

// route is one operation of the API: what it is asked by, what a key needs
// for it, and how it is counted.
type route struct {
	method string
	path   string
	scope  Scope
	metric string
	handle func(*Service) http.HandlerFunc
}

// routes are all that the API serves; openapi.yaml describes them, and tests
// hold both to each other.
var routes = []route{
	{"GET", "/api/v1/calls", ScopeCallsRead, routeCalls, func(s *Service) http.HandlerFunc { return s.listCalls }},
	{"GET", "/api/v1/calls/{id}", ScopeCallsRead, routeCall, func(s *Service) http.HandlerFunc { return s.showCall }},
	{"GET", "/api/v1/tickets", ScopeTicketsRead, routeTickets, func(s *Service) http.HandlerFunc { return s.listTickets }},
	{"GET", "/api/v1/tickets/{id}", ScopeTicketsRead, routeTicket, func(s *Service) http.HandlerFunc { return s.showTicket }},
	{"PATCH", "/api/v1/tickets/{id}", ScopeTicketsWrite, routeWrite, func(s *Service) http.HandlerFunc { return s.amendTicket }},
	{"POST", "/api/v1/tickets/{id}/transitions", ScopeTicketsWrite, routeWrite, func(s *Service) http.HandlerFunc { return s.transitionTicket }},
	{"POST", "/api/v1/tickets/{id}/comments", ScopeTicketsWrite, routeWrite, func(s *Service) http.HandlerFunc { return s.commentTicket }},
	{"PUT", "/api/v1/tickets/{id}/assignee", ScopeTicketsWrite, routeWrite, func(s *Service) http.HandlerFunc { return s.assignTicket }},
	{"GET", "/api/v1/exports/tickets.csv", ScopeExport, routeExport, func(s *Service) http.HandlerFunc { return s.exportTickets }},
	{"GET", "/api/v1/statistics/returns", ScopeStats, routeStats, func(s *Service) http.HandlerFunc { return s.showStatistics }},
	{"GET", "/api/v1/audit", ScopeAudit, routeAudit, func(s *Service) http.HandlerFunc { return s.listAudit }},
	{"GET", "/api/v1/openapi.yaml", scopePublic, routeDocument, func(*Service) http.HandlerFunc { return serveDocument }},
}

// Handler is the whole of what the console serves.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	methods, metric := map[string][]string{}, map[string]string{}
	for _, r := range routes {
		h := r.handle(s)
		if r.method != http.MethodGet {
			h = s.sameOrigin(h)
		}
		mux.HandleFunc(r.method+" "+r.path, s.metrics.measured(r.metric, s.guarded(r.scope, h)))
		methods[r.path], metric[r.path] = append(methods[r.path], r.method), r.metric
	}
	for path, list := range methods {
		mux.HandleFunc(path, s.metrics.measured(metric[path], methodNotAllowed(list)))
	}
	mux.HandleFunc("GET /{$}", s.metrics.measured(routePage, s.page.serve))
	mux.HandleFunc("/{$}", s.metrics.measured(routePage, methodNotAllowed([]string{http.MethodGet})))
	mux.HandleFunc("/", s.metrics.measured(routeOther, func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, problem{Status: http.StatusNotFound, Kind: kindNotFound, Detail: "There is nothing at this path."})
	}))
	return secured(s.timely(s.localOnly(mux)))
}
