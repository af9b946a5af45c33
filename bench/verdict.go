package main

import (
	"fmt"
	"slices"
	"strings"
)

// verdict counts the targets that are met, of rows that one build measured on one
// machine beside one peer. It says what they come from, and passes no judgement on a
// mix or on what is no commit.
func verdict(rows []comparison) string {
	met, all := 0, 0
	counts := make(map[string]int)
	for _, c := range rows {
		from := fmt.Sprintf("%s of %s beside %s on %s", c.Commit, c.Params, c.Peer, c.CPU)
		counts[from]++
		if c.Target > 0 {
			all++
		}
		if c.Target > 0 && c.Ratio >= c.Target {
			met++
		}
	}
	if len(counts) == 1 && !rows[0].isMarked() {
		return fmt.Sprintf("%d of %d targets met, by all %d rows of %s", met, all, len(rows), one(counts))
	}
	return "no verdict, since rows are not of one commit, peer and machine:\n" + list(counts)
}

// one is the only key.
func one(counts map[string]int) (key string) {
	for key = range counts {
	}
	return key
}

// list has a line for each key, the most frequent first.
func list(counts map[string]int) string {
	lines := make([]string, 0, len(counts))
	for key, n := range counts {
		lines = append(lines, fmt.Sprintf("%5d rows: %s", n, key))
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(b, a) })
	return strings.Join(lines, "\n")
}
