package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
)

// policies are the ways in which the tickets can find their people.
var policies = []store.AssignPolicy{store.AssignNone, store.AssignRoundRobin, store.AssignLeastLoaded}

// crowd gives the group's people tickets that are open, and writes the rules
// by which they get the new ones; the result is the worker's setting. With no
// policy named the built-in rules hold.
func (s *system) crowd(ctx context.Context) ([]string, error) {
	if s.assign == "" {
		return nil, nil
	}
	var rules strings.Builder
	fmt.Fprintf(&rules, "rules:\n  - {name: bench, group: after_sales, due: 18h, assign: %s}\ngroups:\n  after_sales:\n    people:\n", s.assign)
	people := make([]string, s.agents)
	for i := range people {
		people[i] = fmt.Sprintf("agent.%04d", i)
		fmt.Fprintf(&rules, "      - {name: %s}\n", people[i])
	}
	if err := storetest.SeedOpenTickets(ctx, s.dsn, people, s.open); err != nil {
		return nil, err
	}
	file := filepath.Join(s.dir, "rules.yaml")
	return []string{"TIDEGATE_TICKET_RULES_FILE=" + file}, os.WriteFile(file, []byte(rules.String()), 0o600)
}
