//go:build soak

package cluster

import (
	"testing"

	"fhevm/coprocessor/internal/seeds"
)

// TestSoak tries partitions, power cuts and restarts with many programs.
func TestSoak(t *testing.T) {
	seeds.Soak(t,
		seeds.Trial{Name: "Partition", Run: partitions},
		seeds.Trial{Name: "LeaderLosesPower", Run: powerCuts},
		seeds.Trial{Name: "DigestsDependOnNothing", Run: dependsOnNothing},
	)
}
