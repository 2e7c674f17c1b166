package speech

// Drained says whether nobody holds a place.
func (s *Server) Drained() bool { return s.places.idle() }
