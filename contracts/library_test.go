package contracts

import (
	"fmt"
	"math/big"
	"testing"

	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
)

// TestRightsOfEveryType calls the functions that every type has.
func TestRightsOfEveryType(t *testing.T) {
	o := newOverloads(t)
	for _, typ := range overloaded {
		t.Run(typ.String(), func(t *testing.T) {
			o.t = t
			o.transaction(func(tx *transaction) {
				h := tx.encrypt(o.at, 1, typ)
				if out := o.withAccount(tx, "lend", typ, h, carol); out[31] != 1 {
					t.Error("allowTransient gave no right")
				}
				tx.wantRights(rights{transient: true}, h, carol)
				out := o.withAccount(tx, "rights", typ, h, alice)
				if got := fhe.Handle(out[:32]); got != h {
					t.Errorf("toBytes32 = %s, want %s", got, h)
				}
				initialized, sender, shared := out[63], out[95], out[127]
				if initialized != 1 || sender != 0 || shared != 1 {
					t.Errorf("isInitialized %d, isSenderAllowed %d, shared %d", initialized, sender, shared)
				}
				tx.wantRights(rights{persistent: true}, h, alice)
				tx.wantRights(rights{transient: true, persistent: true}, h, o.at)
			})
		})
	}
}

// TestRightsOnUninitialisedValues: sharing an unassigned variable makes it 0.
func TestRightsOnUninitialisedValues(t *testing.T) {
	o := newOverloads(t)
	for _, typ := range overloaded {
		o.t = t
		made := map[string]fhe.Handle{}
		o.transaction(func(tx *transaction) {
			for _, method := range []string{"rights", "share", "keep", "publish"} {
				made[method] = fhe.Handle(o.withAccount(tx, method, typ, fhe.Handle{}, carol))
			}
			if out := o.withAccount(tx, "lend", typ, fhe.Handle{}, carol); out[31] != 1 {
				t.Errorf("%s: allowTransient gave no right", typ)
			}
			tx.wantRights(rights{persistent: true}, made["share"], carol)
		})
		for method, h := range made {
			if v := o.values[h]; v == nil || v.Sign() != 0 || h.Type() != typ {
				t.Errorf("%s of %s gives %s, value %v", method, typ, h, v)
			}
		}
	}
}

func TestLibraryVerifiesResults(t *testing.T) {
	o := newOverloads(t)
	o.t = t
	d := aDecryption()
	verify := parseABI(t, DecryptionVerifier).Methods["verify"].Inputs
	call := func(signers ...*member) ([]byte, error) {
		args, err := verify.Pack(d.handles, d.result, d.proof(d.signatures(t, signers...)...))
		if err != nil {
			t.Fatal(err)
		}
		var out []byte
		o.transaction(func(tx *transaction) {
			out, err = tx.raw(bob, o.at, append(o.method("valid", "bytes32[]", "bytes", "bytes"), args...))
		})
		return out, err
	}
	if out, err := call(o.members[:3]...); err != nil || out[31] != 1 {
		t.Errorf("of a quorum: %x, %v", out, err)
	}
	if out, err := call(o.members[:2]...); fmt.Sprint(err) != "KMSSignatureThresholdNotReached(2)" {
		t.Errorf("below the quorum: %x, %v", out, err)
	}
}

func TestLibraryCleansTransientStorage(t *testing.T) {
	o := newOverloads(t)
	o.transaction(func(tx *transaction) {
		h := tx.encrypt(alice, 1, fhe.Uint8)
		if _, err := tx.raw(bob, o.at, o.method("clean")); err != nil {
			t.Fatal(err)
		}
		tx.wantRights(rights{}, h, alice)
	})
}

// withAccount calls a method of (handle, account), or of a handle alone for publish.
func (o *overloads) withAccount(tx *transaction, name string, typ fhe.Type, h fhe.Handle, account common.Address) []byte {
	o.t.Helper()
	types := []string{"bytes32", "address"}
	if name == "publish" {
		types = types[:1]
	}
	input := o.method(fmt.Sprintf("%s_e%s", name, typ), types...)
	input = append(append(input, h[:]...), common.LeftPadBytes(account[:], 32)...)
	out, err := tx.raw(bob, o.at, input)
	if err != nil {
		o.t.Fatal(err)
	}
	return out
}

// fromExternal calls FHE.fromExternal.
func (o *overloads) fromExternal(tx *transaction, from common.Address, typ fhe.Type, h fhe.Handle, proof []byte) (fhe.Handle, error) {
	input := o.method("fromExternal_e"+typ.String(), "bytes32", "bytes")
	input = append(input, h[:]...)
	input = append(input, common.LeftPadBytes([]byte{64}, 32)...)
	input = append(input, common.BigToHash(big.NewInt(int64(len(proof)))).Bytes()...)
	input = append(input, common.RightPadBytes(proof, (len(proof)+31)/32*32)...)
	out, err := tx.raw(from, o.at, input)
	if err != nil {
		return fhe.Handle{}, err
	}
	return fhe.Handle(out), nil
}

func TestFromExternal(t *testing.T) {
	o := newOverloads(t)
	for _, typ := range overloaded {
		t.Run(typ.String(), func(t *testing.T) {
			o.t = t
			l := newInputList(t, o.binding(o.at, alice), typ)
			o.transaction(func(tx *transaction) {
				if h, err := o.fromExternal(tx, alice, typ, l.handles[0], l.encoding); err != nil || h != l.handles[0] {
					t.Errorf("with a proof: %s, %v", h, err)
				}
				tx.wantRights(rights{transient: true}, l.handles[0], alice)
				held := tx.encrypt(alice, 1, typ)
				if h, err := o.fromExternal(tx, alice, typ, held, nil); err != nil || h != held {
					t.Errorf("held by the sender: %s, %v", h, err)
				}
				if _, err := o.fromExternal(tx, bob, typ, held, nil); fmt.Sprint(err) != fmt.Sprintf("SenderNotAllowedToUseHandle(%s, %s)", held, bob) {
					t.Errorf("held by another: %v", err)
				}
				other := fhe.Uint32
				wrong := tx.encrypt(alice, 1, other)
				if _, err := o.fromExternal(tx, alice, typ, wrong, nil); fmt.Sprint(err) != fmt.Sprintf("WrongHandleType(%s, %d)", wrong, typ) {
					t.Errorf("of another type: %v", err)
				}
			})
			var zero fhe.Handle
			o.transaction(func(tx *transaction) {
				var err error
				if zero, err = o.fromExternal(tx, alice, typ, fhe.Handle{}, nil); err != nil {
					t.Error(err)
				}
			})
			if v := o.values[zero]; v == nil || v.Sign() != 0 || zero.Type() != typ {
				t.Errorf("zero handle: %v of %s", v, zero.Type())
			}
		})
	}
}
