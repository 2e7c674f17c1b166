package bustest

import (
	"os"
	"path/filepath"
)

// Forget makes the server forget what became of a stream's messages while do
// ran, but not what its consumers had done: as when it is stopped between an
// acknowledgement and taking the message out.
func (s *Server) Forget(stream string, do func()) {
	s.t.Helper()
	found, err := filepath.Glob(filepath.Join(s.dir, "*", "*", "streams", stream, "msgs"))
	if err != nil || len(found) != 1 {
		s.t.Fatalf("files of stream %s: %q, %v", stream, found, err)
	}
	s.Down()
	kept := filepath.Join(s.t.TempDir(), "msgs")
	if err := os.CopyFS(kept, os.DirFS(found[0])); err != nil {
		s.t.Fatal(err)
	}
	s.Up()
	do()
	s.Down()
	if err := os.RemoveAll(found[0]); err != nil {
		s.t.Fatal(err)
	}
	if err := os.CopyFS(found[0], os.DirFS(kept)); err != nil {
		s.t.Fatal(err)
	}
	s.Up()
}
