package contracts

import (
	"crypto/ecdsa"
	"fmt"
	"math/big"
	"testing"

	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/math"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"
)

// member is one of the committee, with a known key.
type member struct{ *ecdsa.PrivateKey }

func committee(size int) (members []*member) {
	for i := range size {
		key, err := crypto.ToECDSA(crypto.Keccak256([]byte{byte(i >> 8), byte(i)}))
		if err != nil {
			panic(err)
		}
		members = append(members, &member{key})
	}
	return members
}

func (m *member) address() common.Address { return crypto.PubkeyToAddress(m.PublicKey) }

func signers(members []*member) (out []common.Address) {
	for _, m := range members {
		out = append(out, m.address())
	}
	return out
}

// decryption is a result that a committee signs.
type decryption struct {
	handles  [][32]byte
	result   []byte
	epoch    int64
	chainID  int64
	verifier common.Address
}

func aDecryption() decryption {
	return decryption{
		handles: [][32]byte{{1}, {2}}, result: append(make([]byte, 63), 9),
		epoch: 7, chainID: DevChainID, verifier: common.Address(DecryptionVerifierAddress),
	}
}

// digest is what the committee signs.
func (d decryption) digest(t testing.TB) []byte {
	t.Helper()
	handles := make([]any, len(d.handles))
	for i, h := range d.handles {
		handles[i] = fhe.Handle(h).String()
	}
	return typedHash(t, d.chainID, d.verifier, "PublicDecryptVerification", []apitypes.Type{
		{Name: "ctHandles", Type: "bytes32[]"}, {Name: "decryptedResult", Type: "bytes"}, {Name: "extraData", Type: "bytes"},
	}, apitypes.TypedDataMessage{
		"ctHandles": handles, "decryptedResult": fmt.Sprintf("0x%x", d.result), "extraData": fmt.Sprintf("0x%064x", d.epoch),
	})
}

// typedHash is the EIP-712 hash of a struct in the protocol's domain, as
// go-ethereum's wallet computes it.
func typedHash(t testing.TB, chainID int64, verifier common.Address, name string, members []apitypes.Type, message apitypes.TypedDataMessage) []byte {
	t.Helper()
	hash, _, err := apitypes.TypedDataAndHash(apitypes.TypedData{
		Types: apitypes.Types{
			"EIP712Domain": {
				{Name: "name", Type: "string"}, {Name: "version", Type: "string"},
				{Name: "chainId", Type: "uint256"}, {Name: "verifyingContract", Type: "address"},
			},
			name: members,
		},
		PrimaryType: name,
		Domain: apitypes.TypedDataDomain{
			Name: "fhevm", Version: "1", ChainId: math.NewHexOrDecimal256(chainID), VerifyingContract: verifier.Hex(),
		},
		Message: message,
	})
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// signatures signs d by each member in turn.
func (d decryption) signatures(t testing.TB, members ...*member) (out [][]byte) {
	t.Helper()
	for _, m := range members {
		sig, err := crypto.Sign(d.digest(t), m.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		sig[64] += 27
		out = append(out, sig)
	}
	return out
}

// proof packs signatures: count | signatures | epoch.
func (d decryption) proof(signatures ...[]byte) []byte {
	out := []byte{byte(len(signatures))}
	for _, s := range signatures {
		out = append(out, s...)
	}
	return append(out, common.BigToHash(big.NewInt(d.epoch)).Bytes()...)
}

func TestVerifyDecryption(t *testing.T) {
	n := newNetwork(t)
	d, m := aDecryption(), n.members
	for name, quorum := range map[string][]*member{
		"three": m[:3], "others": m[1:], "all": m, "unordered": {m[3], m[0], m[2]},
	} {
		proof := d.proof(d.signatures(t, quorum...)...)
		for _, method := range []string{"verify", "verifyDecryptionEIP712KMSSignatures"} {
			for range 2 { // a result stays valid
				if ok := n.must(bob, n.decryption, method, d.handles, d.result, proof); ok != true {
					t.Errorf("%s: %s = %v", name, method, ok)
				}
			}
		}
	}
}

func TestVerifyDecryptionRefuses(t *testing.T) {
	n := newNetwork(t)
	d, m := aDecryption(), n.members
	good := d.signatures(t, m[:3]...)
	proof := d.proof(good...)
	outsider := committee(5)[4]
	zero := make([]byte, 65)
	badV := append(good[0][:64:64], 29)
	for name, c := range map[string]struct {
		proof []byte
		want  string
	}{
		"empty":          {nil, "EmptyDecryptionProof()"},
		"one byte":       {[]byte{0}, "DeserializingDecryptionProofFail()"},
		"truncated":      {proof[:len(proof)-1], "DeserializingDecryptionProofFail()"},
		"prolonged":      {append(proof[:len(proof):len(proof)], 0), "DeserializingDecryptionProofFail()"},
		"miscounted":     {append([]byte{2}, proof[1:]...), "DeserializingDecryptionProofFail()"},
		"no signature":   {d.proof(), "KMSZeroSignature()"},
		"below quorum":   {d.proof(good[:2]...), "KMSSignatureThresholdNotReached(2)"},
		"signed twice":   {d.proof(good[0], good[1], good[0]), fmt.Sprintf("KMSDuplicateSigner(%s)", m[0].address())},
		"outsider":       {d.proof(append(good[:2:2], d.signatures(t, outsider)...)...), fmt.Sprintf("KMSInvalidSigner(%s)", outsider.address())},
		"outsider added": {d.proof(append(good[:3:3], d.signatures(t, outsider)...)...), fmt.Sprintf("KMSInvalidSigner(%s)", outsider.address())},
		"zero":           {d.proof(zero, good[1], good[2]), fmt.Sprintf("KMSInvalidSigner(%s)", common.Address{})},
		"bad v":          {d.proof(badV, good[1], good[2]), fmt.Sprintf("KMSInvalidSigner(%s)", common.Address{})},
		"twin signature": {d.proof(good[0], good[1], twin(good[0])), fmt.Sprintf("KMSMalleableSignature(%s)", fhe.Digest(twin(good[0])[32:64]))},
	} {
		t.Run(name, func(t *testing.T) {
			n.fails(c.want, bob, n.decryption, "verify", d.handles, d.result, c.proof)
			n.fails(c.want, bob, n.decryption, "verifyDecryptionEIP712KMSSignatures", d.handles, d.result, c.proof)
		})
	}
}

// twin is the other signature that recovers to the same signer.
func twin(signature []byte) []byte {
	s := new(big.Int).SetBytes(signature[32:64])
	s.Sub(crypto.S256().Params().N, s)
	out := append(signature[:32:32], common.BigToHash(s).Bytes()...)
	return append(out, 27+28-signature[64])
}

// TestVerifyDecryptionBinds changes what was signed, one field at a time.
func TestVerifyDecryptionBinds(t *testing.T) {
	n := newNetwork(t)
	d := aDecryption()
	for name, change := range map[string]func(*decryption){
		"value":    func(d *decryption) { d.result = append(make([]byte, 63), 8) },
		"handle":   func(d *decryption) { d.handles = [][32]byte{{1}, {3}} },
		"order":    func(d *decryption) { d.handles = [][32]byte{{2}, {1}} },
		"chain":    func(d *decryption) { d.chainID++ },
		"contract": func(d *decryption) { d.verifier = common.Address(ACLAddress) },
	} {
		t.Run(name, func(t *testing.T) {
			signed := aDecryption()
			change(&signed)
			signatures := signed.signatures(t, n.members[:3]...)
			stranger, err := crypto.SigToPub(d.digest(t), append(signatures[0][:64:64], signatures[0][64]-27))
			if err != nil {
				t.Fatal(err)
			}
			n.fails(fmt.Sprintf("KMSInvalidSigner(%s)", crypto.PubkeyToAddress(*stranger)),
				bob, n.decryption, "verify", d.handles, d.result, d.proof(signatures...))
		})
	}
	old := d
	old.epoch--
	n.fails("WrongEpoch(6, 7)", bob, n.decryption, "verify", d.handles, d.result, old.proof(old.signatures(t, n.members[:3]...)...))
	n.fails("ResultLengthMismatch(2, 63)", bob, n.decryption, "verify", d.handles, d.result[:63], d.proof())
	n.fails("ResultLengthMismatch(1, 64)", bob, n.decryption, "verify", d.handles[:1], d.result, d.proof())
}

// FuzzDecryptionProof shows that no proof passes but signatures of a quorum.
func FuzzDecryptionProof(f *testing.F) {
	n := newNetwork(f)
	d := aDecryption()
	good := d.proof(d.signatures(f, n.members[:3]...)...)
	for _, seed := range [][]byte{nil, {0}, good[:66], good[:len(good)-1], append([]byte{4}, good[1:]...)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, proof []byte) {
		n.t = t
		n.transaction(func(tx *transaction) {
			_, err := tx.call(bob, n.decryption, "verify", d.handles, d.result, proof)
			if err == nil {
				t.Errorf("accepted %x", proof)
			} else if len(err.Error()) > 6 && err.Error()[:6] == "revert" {
				t.Errorf("no reason given for %x: %v", proof, err)
			}
		})
	})
}

// TestDecryptionBySelf: contracts that check signatures by themselves find the
// domain, and the committee of a proof's last 32 bytes.
func TestDecryptionBySelf(t *testing.T) {
	n := newNetwork(t)
	n.transaction(func(tx *transaction) {
		domain, err := tx.call(bob, n.decryption, "eip712Domain")
		want := fmt.Sprint([]any{[1]byte{0x0f}, "fhevm", "1", big.NewInt(DevChainID), n.decryption.Address, [32]byte{}, []*big.Int{}})
		if err != nil || fmt.Sprint(domain) != want {
			t.Errorf("domain is %v, %v, want %s", domain, err, want)
		}
		epoch := word(7)
		committee, err := tx.call(bob, n.decryption, "getContextSignersAndThresholdFromExtraData", epoch[:])
		if err != nil || fmt.Sprint(committee) != fmt.Sprint([]any{signers(n.members), big.NewInt(3)}) {
			t.Errorf("committee is %v, %v", committee, err)
		}
		other := word(8)
		tx.fails("WrongEpoch(8, 7)", bob, n.decryption, "getContextSignersAndThresholdFromExtraData", other[:])
		tx.fails("DeserializingDecryptionProofFail()", bob, n.decryption, "getContextSignersAndThresholdFromExtraData", epoch[1:])
	})
}
