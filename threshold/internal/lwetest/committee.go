package lwetest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/threshold"
	"fhevm/threshold/dealer"
	"fhevm/threshold/eip712"
	"fhevm/threshold/identity"
	"fhevm/threshold/prss"
)

// Dealt is a committee with all its secrets, as only a test may hold them.
type Dealt struct {
	Bits       []uint8
	Committee  *threshold.Committee
	Identities []*identity.Identity // of party i at i-1
	Secrets    []*dealer.Secret
	Margin     prss.Margin
}

var identities = sync.OnceValues(func() (ids []*identity.Identity, err error) {
	for range threshold.MaxParties {
		id, err := identity.Generate()
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
})

// CoprocessorKey is the key of the coprocessor that dealt committees accept.
func CoprocessorKey() *secp256k1.PrivateKey { return secp256k1.PrivKeyFromBytes([]byte{31: 7}) }

// Deal sets up a committee of n parties. Shares and masks follow the seed;
// identities do not.
func Deal(t testing.TB, n int, seed uint64) *Dealt {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	q, err := threshold.NewQuorum(n)
	if err != nil {
		t.Fatal(err)
	}
	d := &Dealt{Bits: Bits(rng)}
	if d.Margin, err = prss.NewMargin(q, squash.NoiseBound().Uint64()); err != nil {
		t.Fatal(err)
	}
	if d.Identities, err = identities(); err != nil {
		t.Fatal(err)
	}
	d.Identities = d.Identities[:n]
	d.Committee = &threshold.Committee{
		Epoch: threshold.Epoch{Number: 1, Key: fhe.Digest{1}, SquashKey: fhe.Digest{2}},
		Noise: d.Margin.Noise, Stat: d.Margin.Stat,
		Policy: threshold.Policy{Coprocessors: []fhe.Address{eip712.AddressOf(CoprocessorKey().PubKey())}, Need: 1},
	}
	for i, id := range d.Identities {
		d.Committee.Members = append(d.Committee.Members, id.Member(threshold.PartyID(i+1), fmt.Sprintf("127.0.0.1:%d", 9000+i)))
	}
	var key [32]byte
	key[0] = byte(seed)
	if d.Secrets, err = dealer.Deal(d.Bits, d.Committee, rand.NewChaCha8(key)); err != nil {
		t.Fatal(err)
	}
	return d
}
