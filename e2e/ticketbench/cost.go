package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tick is what /proc counts a process's time in: 1/100 s on every Linux.
const tick = 10 * time.Millisecond

// stat is what /proc/PID/stat says, from the state (field 3) on.
func stat(pid int) []string {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return nil
	}
	// The name, in parentheses, may hold anything.
	return strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
}

func field(f []string, n int) int {
	if len(f) <= n {
		return 0
	}
	v, _ := strconv.Atoi(f[n])
	return v
}

// cpu is the time of a process.
func cpu(pid int) time.Duration {
	f := stat(pid)
	return time.Duration(field(f, 11)+field(f, 12)) * tick
}

// family is the time of a process, of its children, and of those that have
// ended: PostgreSQL has a process for each connection.
func family(pid int) time.Duration {
	f := stat(pid)
	sum := time.Duration(field(f, 11)+field(f, 12)+field(f, 13)+field(f, 14)) * tick
	for _, child := range children(pid) {
		sum += cpu(child)
	}
	return sum
}

func children(pid int) (out []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		child, _ := strconv.Atoi(filepath.Base(d))
		if field(stat(child), 1) == pid {
			out = append(out, child)
		}
	}
	return out
}

// hold stops the database for a time: what a full disk, a lock or a machine
// that is moved looks like from here.
func hold(pid int, d time.Duration) {
	all := append(children(pid), pid)
	for _, p := range all {
		_ = syscall.Kill(p, syscall.SIGSTOP)
	}
	time.Sleep(d)
	for _, p := range all {
		_ = syscall.Kill(p, syscall.SIGCONT)
	}
}

// resident is the memory of a process in megabytes.
func resident(pid int) float64 {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "statm"))
	if f := strings.Fields(string(b)); err == nil && len(f) > 1 {
		pages, _ := strconv.Atoi(f[1])
		return float64(pages*os.Getpagesize()) / (1 << 20)
	}
	return 0
}

// costs is the time that the processes have used.
type costs struct{ service, database, nats, asker time.Duration }

func (s *system) costs() costs {
	return costs{cpu(s.service.pid()), family(s.cluster.PID()), cpu(s.nats.pid()), cpu(os.Getpid())}
}

// since gives the time of each process for one of n things, in the order of
// the table's columns.
func (c costs) since(was costs, n int64) string {
	each := func(now, was time.Duration) string {
		return fmt.Sprintf("%.2f", float64((now-was).Microseconds())/1000/float64(max(n, 1)))
	}
	return strings.Join([]string{each(c.service, was.service), each(c.database, was.database), each(c.nats, was.nats), each(c.asker, was.asker)}, " | ")
}

const costColumns = "worker | PostgreSQL | NATS | asker"
