package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	ticks       = 100 // USER_HZ, the same on every Linux
	pssInterval = time.Second
)

// tree is what a process and its descendants took in the measured phase.
type tree struct {
	UserS    float64 `json:"user_s"`
	SystemS  float64 `json:"system_s"`
	PSSBegin int64   `json:"pss_begin"`
	PSSEnd   int64   `json:"pss_end"`
	PSSPeak  int64   `json:"pss_peak"`
}

// process is one line of the process table; its times have those of its children that it has reaped.
type process struct {
	parent       int
	user, system int64
}

// watch measures the trees of pids: processor time between begin and end, memory right outside and once a
// second. Reading memory costs the process watched a lock, hence not more often.
func watch(pids []int, when phases) (map[int]*tree, error) {
	if len(pids) == 0 {
		return nil, nil
	}
	const before = int64(100 * time.Millisecond)
	sleepUntil(when.begin - before)
	trees := map[int]*tree{}
	for _, pid := range pids {
		trees[pid] = &tree{}
	}
	memory := func(keep func(*tree, int64)) error {
		table := processTable()
		for pid, tree := range trees {
			pss := int64(0)
			for _, member := range members(table, pid) {
				pss += proportionalSize(member)
			}
			if pss == 0 {
				return fmt.Errorf("process %d has no memory: is it gone, or another user's?", pid)
			}
			tree.PSSPeak = max(tree.PSSPeak, pss)
			keep(tree, pss)
		}
		return nil
	}
	if err := memory(func(t *tree, pss int64) { t.PSSBegin = pss }); err != nil {
		return nil, err
	}
	sleepUntil(when.begin)
	first := times(pids)
	for at := when.begin + int64(pssInterval); at < when.end; at += int64(pssInterval) {
		sleepUntil(at)
		if err := memory(func(*tree, int64) {}); err != nil {
			return nil, err
		}
	}
	sleepUntil(when.end)
	last := times(pids)
	for pid, tree := range trees {
		tree.UserS = float64(last[pid].user-first[pid].user) / ticks
		tree.SystemS = float64(last[pid].system-first[pid].system) / ticks
	}
	return trees, memory(func(t *tree, pss int64) { t.PSSEnd = pss })
}

// times returns the processor time of each tree in ticks.
func times(pids []int) map[int]process {
	table := processTable()
	sums := map[int]process{}
	for _, pid := range pids {
		var sum process
		for _, member := range members(table, pid) {
			sum.user += table[member].user
			sum.system += table[member].system
		}
		sums[pid] = sum
	}
	return sums
}

// members returns a process and its descendants.
func members(table map[int]process, root int) []int {
	found := []int{root}
	for i := 0; i < len(found); i++ {
		for pid, process := range table {
			if process.parent == found[i] {
				found = append(found, pid)
			}
		}
	}
	return found
}

// processTable reads what /proc shows of every process; one that ends meanwhile is left out.
func processTable() map[int]process {
	table := map[int]process{}
	paths, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well formed
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		pid, err := strconv.Atoi(path[len("/proc/") : len(path)-len("/stat")])
		if err != nil {
			continue
		}
		if process, ok := parseStat(text); ok {
			table[pid] = process
		}
	}
	return table
}

// parseStat reads proc_pid_stat(5). The name in parentheses may hold anything.
func parseStat(text []byte) (process, bool) {
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 15 {
		return process{}, false
	}
	number := func(field int) int64 {
		value, _ := strconv.ParseInt(fields[field-3], 10, 64) // the kernel writes numbers
		return value
	}
	return process{
		parent: int(number(4)),
		user:   number(14) + number(16),
		system: number(15) + number(17),
	}, true
}

// proportionalSize returns a process's PSS in bytes, 0 if it is gone.
func proportionalSize(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "Pss:"); ok {
			kilobytes, _ := strconv.ParseInt(strings.Fields(value)[0], 10, 64) // the kernel writes numbers
			return kilobytes << 10
		}
	}
	return 0
}
