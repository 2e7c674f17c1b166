package console

// RoutesForTest are the operations, METHOD PATH.
func RoutesForTest() []string {
	var out []string
	for _, r := range routes {
		out = append(out, r.method+" "+r.path)
	}
	return out
}

// ProblemKindsForTest are the last parts of the problems' types.
func ProblemKindsForTest() []string { return problemKinds }
