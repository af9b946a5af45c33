//go:build soak

package coprocessor

import (
	"testing"

	"fhevm/coprocessor/internal/seeds"
)

// TestSoak tries the faults of a disk, and a chain's reverts, with many programs.
func TestSoak(t *testing.T) {
	seeds.Soak(t,
		seeds.Trial{Name: "Ordeal", Run: ordeal},
		seeds.Trial{Name: "CrashBehindWork", Run: func(t *testing.T, seed uint64) { crashBehindWork(t, seed) }},
		seeds.Trial{Name: "CrashAnywhere", Run: func(t *testing.T, seed uint64) { crashAnywhere(t, seed) }},
		seeds.Trial{Name: "FullDisk", Run: fullDiskAnywhere},
		seeds.Trial{Name: "DiskErrors", Run: func(t *testing.T, seed uint64) { diskErrors(t, seed) }},
		seeds.Trial{Name: "DamagedCiphertexts", Run: damagedCiphertexts},
		seeds.Trial{Name: "Repair", Run: repairs},
		seeds.Trial{Name: "UnreadableFiles", Run: func(t *testing.T, seed uint64) { unreadableFiles(t, seed) }},
		seeds.Trial{Name: "Revert", Run: reverts},
	)
}
