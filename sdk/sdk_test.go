package sdk

import (
	"errors"
	"strings"
	"testing"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
	"fhevm/threshold"

	"github.com/holiman/uint256"
)

var testParameters = Parameters{
	Network: "dev", ChainID: 31337, KeyID: fhe.Digest{1},
	Contracts: Contracts{ACL: fhe.Address{2}, DecryptionVerifier: fhe.Address{3}},
}

// TestEncrypt decrypts the slots of a list and puts the values together again.
func TestEncrypt(t *testing.T) {
	secret := tfhe.NewSecretKey(&tfhe.Default, tfhe.SeedFrom([32]byte{1}))
	pk := secret.PublicKey()
	values := []Value{
		{fhe.Bool, uint256.NewInt(1)}, {fhe.Uint8, uint256.NewInt(0xa5)}, {fhe.Uint16, uint256.NewInt(0)},
		{fhe.Uint32, uint256.NewInt(0xdeadbeef)}, {fhe.Uint64, uint256.NewInt(1<<64 - 1)},
	}
	b := testParameters.Binding(fhe.Address{4}, fhe.Address{5})
	in, err := Encrypt(pk, b, values...)
	if err != nil {
		t.Fatal(err)
	}
	list := new(fhe.InputList)
	if err := list.UnmarshalBinary(in.Proof); err != nil {
		t.Fatal(err)
	}
	if err := list.Binding.Check(b); err != nil {
		t.Error(err)
	}
	slot := 0
	for i, v := range values {
		got := decryptSlots(t, secret, list, slot, v.Type.Slots())
		if !got.Eq(v.Clear) {
			t.Errorf("value %d decrypts to %s, want %s", i, got.Hex(), v.Clear.Hex())
		}
		slot += v.Type.Slots()
		want, _ := fhe.InputHandle(b, fhe.Keccak(in.Proof), uint8(i), v.Type)
		if in.Handles[i] != want {
			t.Errorf("handle %d is %s, want %s", i, in.Handles[i], want)
		}
	}
	again, err := Encrypt(pk, b, values...)
	if err != nil {
		t.Fatal(err)
	}
	if again.Handles[0] == in.Handles[0] {
		t.Error("two encryptions of the same values are equal")
	}
}

func decryptSlots(t *testing.T, secret *tfhe.SecretKey, list *fhe.InputList, first, n int) *uint256.Int {
	v := new(uint256.Int)
	for i := n - 1; i >= 0; i-- {
		lwe := tfhe.Default.NewLWE()
		if err := tfhe.Default.ExtractSlot(lwe, list.Mask, list.Bodies, first+i); err != nil {
			t.Fatal(err)
		}
		v.Lsh(v, 4).Or(v, uint256.NewInt(uint64(secret.Decrypt(lwe))))
	}
	return v
}

func TestEncryptRefuses(t *testing.T) {
	pk := tfhe.NewSecretKey(&tfhe.Default, tfhe.SeedFrom([32]byte{1})).PublicKey()
	b := testParameters.Binding(fhe.Address{4}, fhe.Address{5})
	wide := make([]Value, 33)
	for i := range wide {
		wide[i] = Value{fhe.Uint64, new(uint256.Int)}
	}
	for want, values := range map[string][]Value{
		"does not fit uint8": {{fhe.Uint8, uint256.NewInt(256)}},
		"does not fit bool":  {{fhe.Bool, uint256.NewInt(2)}},
		"unknown type(77)":   {{fhe.Type(77), new(uint256.Int)}},
		"2112 bits":          wide,
		"0 values":           {},
	} {
		if _, err := Encrypt(pk, b, values...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// TestDelegatedDecryption: the request names the delegator where the user must
// see it, and one for own values names none.
func TestDelegatedDecryption(t *testing.T) {
	user, delegator, contracts := fhe.Address{1}, fhe.Address{2}, []fhe.Address{{3}}
	handles := []fhe.Handle{fhe.NewHandle(fhe.Digest{1}, fhe.Computed, 31337, fhe.Uint64, 0)}
	reading := Reading{Origin: "a test", User: user, Contracts: contracts, Handles: handles, From: 1, Until: 2}
	own, err := testParameters.NewDecryption(reading)
	if err != nil {
		t.Fatal(err)
	}
	reading.Delegator = delegator
	delegated, err := testParameters.NewDecryption(reading)
	if err != nil {
		t.Fatal(err)
	}
	if own.Request.Holder() != user || own.TypedData().PrimaryType != "DecryptionPermit" {
		t.Errorf("own values: of %s, %s", own.Request.Holder(), own.TypedData().PrimaryType)
	}
	if delegated.Request.Holder() != delegator || delegated.Request.User != user || delegated.TypedData().PrimaryType != "DelegatedDecryptionPermit" ||
		!strings.Contains(delegated.Request.Permit.Statement, delegator.String()) {
		t.Errorf("delegator's values: of %s, %s, %q", delegated.Request.Holder(), delegated.TypedData().PrimaryType, delegated.Request.Permit.Statement)
	}
}

// TestFailure: a program that asks why nothing was opened gets a code, also where no
// party has refused, and the network's where there is one.
func TestFailure(t *testing.T) {
	p := testParameters
	p.Committee.Members = make([]threshold.Member, 4)
	d := &Decryption{parameters: &p}
	want := func(code threshold.Code, message string) {
		t.Helper()
		_, err := d.Values()
		if problem, ok := errors.AsType[*Problem](err); !ok || problem.Code != code || !strings.Contains(problem.Message, message) {
			t.Errorf("got %v, want %s: %q", err, code, message)
		}
	}
	want(threshold.Unavailable, "0 of 4 parties")
	if done, err := d.Add(Reply{Problem: &Problem{Code: threshold.NotAllowed, Message: "no right"}}); done || err != nil {
		t.Error(done, err)
	}
	want(threshold.NotAllowed, "no right")
}
