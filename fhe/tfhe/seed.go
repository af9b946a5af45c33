package tfhe

import "fhevm/fhe/csprng"

// Seed is 32 bytes of secret entropy from which keys and encryptions are
// expanded deterministically (SPEC 3.1). It prints as a placeholder.
type Seed = csprng.Seed

// NewSeed draws a seed from the operating system.
func NewSeed() (Seed, error) { return csprng.NewSeed() }

// SeedFrom makes a seed of given bytes, for development keys and tests.
func SeedFrom(b [32]byte) Seed { return csprng.SeedFrom(b) }
