package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"fhevm/fhe"
)

// memoryFigures lists what stays in memory, in MB. They come before any
// operands are made.
func (m *machine) memoryFigures() []figure {
	return []figure{
		{"resident memory, keys loaded", "MB", 260, func(context.Context) (float64, error) { return resident() }},
		{"resident memory, random key loaded too", "MB", 320, func(ctx context.Context) (float64, error) {
			if err := m.draws(ctx, fhe.Uint64, nil)(); err != nil {
				return 0, err
			}
			return resident()
		}},
	}
}

// resident is the memory that the process holds after a garbage collection.
func resident() (float64, error) {
	debug.FreeOSMemory()
	return status("VmRSS")
}

// status reads a field of the process's status that counts memory, in MB.
func status(field string) (float64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		var kib float64
		if n, _ := fmt.Sscanf(line, field+": %f kB", &kib); n == 1 {
			return kib * 1024 / 1e6, nil
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no %s", field)
}
