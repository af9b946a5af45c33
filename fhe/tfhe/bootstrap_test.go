package tfhe

import (
	"sync"
	"testing"
)

// keys are made once for all tests of the package.
var keys = sync.OnceValue(func() (k struct {
	secret *SecretKey
	eval   *EvaluationKey
	engine *Engine
}) {
	k.secret = NewSecretKey(&Default, testSeed)
	k.eval = k.secret.EvaluationKey(nil)
	k.engine = NewEngine(k.eval, 0)
	return k
})

func TestIdentity(t *testing.T) {
	k := keys()
	lut := Default.NewLUT(func(m int) uint64 { return uint64(m) * Delta })
	var jobs []Job
	for m := range 16 {
		c := Default.NewLWE()
		k.secret.Encrypt(c, uint64(m)*Delta, testSeed.Derive("identity", uint64(m)))
		jobs = append(jobs, Job{Src: c, LUT: lut, Dst: []LWE{c}})
	}
	if err := k.engine.Bootstrap(t.Context(), jobs); err != nil {
		t.Fatal(err)
	}
	for m, j := range jobs {
		if got := k.secret.Decrypt(j.Dst[0]); got != m {
			t.Errorf("identity of %d decrypts to %d", m, got)
		}
	}
}
