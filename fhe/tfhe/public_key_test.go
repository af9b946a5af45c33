package tfhe

import (
	"slices"
	"testing"
)

func TestPublicEncryption(t *testing.T) {
	k := keys()
	for _, n := range []int{1, 16, Default.PolySize} {
		slots := make([]uint8, n)
		for i := range slots {
			slots[i] = uint8(i*7+n) % PlaintextModulus
		}
		mask, bodies, err := k.public.Encrypt(slots)
		if err != nil {
			t.Fatal(err)
		}
		if len(mask) != Default.PolySize || len(bodies) != n {
			t.Fatalf("%d mask words and %d bodies for %d slots", len(mask), len(bodies), n)
		}
		c := Default.NewLWE()
		for i, m := range slots {
			if err := Default.ExtractSlot(c, mask, bodies, i); err != nil {
				t.Fatal(err)
			}
			// The error's largest possible value, not only its likely one.
			if e := int64(k.secret.Phase(c) - uint64(m)*Delta); e > 1<<30 || e < -1<<30 {
				t.Fatalf("slot %d of %d has error %d", i, n, e)
			}
		}
	}
}

// A slot goes through a bootstrap as any other ciphertext does.
func TestPublicEncryptionBootstraps(t *testing.T) {
	k := keys()
	mask, bodies, err := k.public.Encrypt([]uint8{9, 14})
	if err != nil {
		t.Fatal(err)
	}
	c := Default.NewLWE()
	if err := Default.ExtractSlot(c, mask, bodies, 1); err != nil {
		t.Fatal(err)
	}
	j := newJob(c, Default.NewLUT(table(func(m int) int { return m >> 2 })))
	k.bootstrap(t, []Job{j})
	if got := k.secret.Decrypt(j.Dst[0]); got != 14>>2 {
		t.Errorf("carry of 14 is %d", got)
	}
}

func TestPublicEncryptionIsFresh(t *testing.T) {
	k := keys()
	a, _, err := k.public.Encrypt([]uint8{1})
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := k.public.Encrypt([]uint8{1})
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(a, b) {
		t.Error("two encryptions share their mask")
	}
}

func TestBadSlots(t *testing.T) {
	k := keys()
	for name, slots := range map[string][]uint8{
		"none": nil, "too many": make([]uint8, Default.PolySize+1), "too large": {0, PlaintextModulus},
	} {
		if _, _, err := k.public.Encrypt(slots); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	mask, bodies := make([]uint64, Default.PolySize), make([]uint64, 2)
	for name, err := range map[string]error{
		"short mask":     Default.ExtractSlot(Default.NewLWE(), mask[1:], bodies, 0),
		"short result":   Default.ExtractSlot(Default.NewLWE()[1:], mask, bodies, 0),
		"negative slot":  Default.ExtractSlot(Default.NewLWE(), mask, bodies, -1),
		"slot not there": Default.ExtractSlot(Default.NewLWE(), mask, bodies, 2),
		"beyond ring":    Default.ExtractSlot(Default.NewLWE(), mask, make([]uint64, 3000), 2500),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
