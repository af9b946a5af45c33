package main

import (
	"slices"
	"testing"
)

// TestVerifyReachesAttachedNetworks: whatever finds a network for attach, finds it for verify.
func TestVerifyReachesAttachedNetworks(t *testing.T) {
	var known []string
	for _, f := range auditCommand().Flags {
		known = append(known, f.Names()...)
	}
	for _, name := range []string{"rpc", "chain-id", "registry", "deployed", "confirmations", "finalized", "from"} {
		if !slices.Contains(known, name) {
			t.Errorf("verify has no --%s", name)
		}
	}
}
