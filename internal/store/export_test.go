package store

import (
	"context"
	"strings"
	"testing"

	"gorm.io/gorm"
)

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

// AfterRowsForTest calls fn after each question for rows whose text has what.
func (s *Store) AfterRowsForTest(t testing.TB, what string, fn func()) {
	for _, db := range []*gorm.DB{s.read, s.write} {
		err := db.Callback().Row().After("gorm:row").Register("test:"+what, func(tx *gorm.DB) {
			if strings.Contains(tx.Statement.SQL.String(), what) {
				fn()
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if s.read == s.write {
			return
		}
	}
}

// Migrations is how many there are.
func Migrations() int { return len(migrations) }

// MarkPlanForTest is how PostgreSQL finds messages that are marked.
func (s *Store) MarkPlanForTest(ctx context.Context, t testing.TB) string {
	plan, _ := s.ExplainForTest(ctx, t, Captured{markStatement, []any{s.now(), []string{"o1", "o2", "o3"}}})
	return plan
}
