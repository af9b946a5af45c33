package csprng

import (
	"crypto/rand"
	"fmt"
)

// Seed is 32 bytes of secret entropy. It never prints itself, and reflection
// based encoders see no field of it.
type Seed struct{ b [32]byte }

// NewSeed draws a seed from the operating system.
func NewSeed() (s Seed, err error) {
	if _, err := rand.Read(s.b[:]); err != nil {
		return Seed{}, fmt.Errorf("draw seed: %w", err)
	}
	return s, nil
}

// SeedFrom makes a seed of given bytes: a stored one, or a public constant in
// tests and development.
func SeedFrom(b [32]byte) Seed { return Seed{b} }

// Bytes returns the secret bytes.
func (s Seed) Bytes() [32]byte { return s.b }

// Derive returns a seed that depends on s, the label and the index and
// reveals nothing about s.
func (s Seed) Derive(label string, index uint64) Seed { return derive(s, label, index) }

// Wipe overwrites the seed with zeros.
func (s *Seed) Wipe() { clear(s.b[:]) }

// Format prints a placeholder for every verb.
func (s Seed) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// String is a placeholder.
func (s Seed) String() string { return "Seed(redacted)" }
