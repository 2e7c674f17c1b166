package store

import "context"

// ExecForTest runs a statement as a hand at the database would.
func (s *Store) ExecForTest(ctx context.Context, stmt string, args ...any) error {
	return classify(s.write.WithContext(ctx).Exec(stmt, args...).Error)
}

// QueryForTest gives the first value of a query, or "".
func (s *Store) QueryForTest(ctx context.Context, stmt string, args ...any) (string, error) {
	var out []string
	err := s.write.WithContext(ctx).Raw(stmt, args...).Scan(&out).Error
	if len(out) == 0 {
		return "", err
	}
	return out[0], err
}

// Migrations is how many there are.
func Migrations() int { return len(migrations) }
