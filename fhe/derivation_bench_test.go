package fhe

import "testing"

// Whoever calls the precompile makes every validator decode, before any gas is
// taken: it must stay cheap for the longest list.
func BenchmarkUnmarshalDerivation(b *testing.B) {
	for name, n := range map[string]int{"2": 2, "101": MaxList} {
		d := Derivation{Domain: testDomain, Op: IsIn, Type: Uint64}
		for range n {
			d.Operands = append(d.Operands, StoredOperand(testHandle(Uint64)))
		}
		enc, err := d.MarshalBinary()
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := new(Derivation).UnmarshalBinary(enc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
