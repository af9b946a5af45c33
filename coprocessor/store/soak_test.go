//go:build soak

package store

import (
	"testing"

	"fhevm/coprocessor/internal/seeds"
)

// TestSoak tries crashes with many logs.
func TestSoak(t *testing.T) {
	seeds.Soak(t, seeds.Trial{Name: "CrashWhileReverting", Run: crashWhileReverting})
}
