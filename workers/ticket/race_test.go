//go:build race

package ticket_test

const raceDetector = true
