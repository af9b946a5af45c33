package main

import (
	"slices"
	"strings"
)

// targets of an operation's ratio to the peer: of many together, and of a lone
// one. An entry holds for the operations of its words; the first one counts.
var targets = []struct {
	words               string
	bits64              bool // on 64 bits only
	throughput, latency float64
}{
	{"transfer", true, 8, 3},
	{"add sub select eq lt ge", true, 6, 3},
	{"div rem", false, 5, 2},
	{"and or xor not mul shl shr rotl rotr", false, 3.5, 2},
}

// target is the ratio promised of the row with the given name; 0: none. The
// latency of lone operations is promised on 64 bits.
func target(name string) float64 {
	words := strings.Fields(name)
	switch {
	case strings.HasPrefix(name, "bootstrap latency"):
		return 2
	case strings.HasPrefix(name, "bootstrap batch"):
		return 3
	case len(words) < 3 || words[0] == "blind" || strings.Contains(name, "storage"):
		return 0
	}
	bits64 := strings.HasSuffix(words[0], "int64")
	lone := words[len(words)-1] == "latency"
	if lone && !bits64 {
		return 0
	}
	for _, t := range targets {
		if slices.Contains(strings.Fields(t.words), words[1]) && (bits64 || !t.bits64) {
			if lone {
				return t.latency
			}
			return t.throughput
		}
	}
	if lone {
		return 2
	}
	return 3
}
