package fhe

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/holiman/uint256"
)

var testDomain = Domain{ChainID: 31337, ACL: Address{0xac}, KeyID: Digest{0x4e}, Version: Version}

func testHandle(t Type) Handle {
	return NewHandle(Digest{1, 2, 3}, Computed, testDomain.ChainID, t, Version)
}

// derivationFor builds a well-typed derivation of a row of the table, whose
// operands are clear where clear has a bit.
func derivationFor(row Operator, t Type, clear uint8) *Derivation {
	d := &Derivation{Domain: testDomain, Op: row.Op, Type: t, Salt: Digest{31: 7}, Table: make([]byte, row.tableSize(t))}
	for i, want := range row.Signature(t, 3) {
		if clear>>i&1 == 1 {
			d.Operands = append(d.Operands, ClearOperand(uint256.NewInt(1)))
		} else {
			d.Operands = append(d.Operands, Operand{OperandKind(i % 2), testHandle(want)})
		}
	}
	switch row.Op {
	case RandBounded:
		d.Operands = []Operand{{Clear, [32]byte{1, 2}}, ClearOperand(uint256.NewInt(3))}
	case Rand:
		d.Operands = []Operand{{Clear, [32]byte{1, 2}}}
	}
	return d
}

// everyDerivation visits each row on each type, in all forms.
func everyDerivation(visit func(row Operator, d *Derivation)) {
	for _, row := range Operators() {
		for _, typ := range Types() {
			if !row.On(typ) {
				continue
			}
			for clear := range uint8(8) {
				d := derivationFor(row, typ, clear)
				if clear>>len(row.Signature(typ, 3)) == 0 && d.check() == nil {
					visit(row, d)
				}
			}
		}
	}
}

func TestDerivationRoundTrip(t *testing.T) {
	n := 0
	everyDerivation(func(row Operator, d *Derivation) {
		n++
		enc, err := d.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var back Derivation
		if err := back.UnmarshalBinary(enc); err != nil {
			t.Fatalf("%s on %s: %v", row.Name, d.Type, err)
		}
		again, _ := back.MarshalBinary()
		if !bytes.Equal(enc, again) {
			t.Fatalf("%s on %s: encoding changed", row.Name, d.Type)
		}
		types := row.Results(d.Type)
		for k, r := range back.Results() {
			if h := r.Handle; h.Type() != types[k] || h.Index() != Computed || h.ChainID() != 31337 {
				t.Fatalf("%s on %s: result %d has handle %s", row.Name, d.Type, k, h)
			}
		}
		form := formOf(&row, d.Type, len(d.Operands), d.operand)
		if _, ok := costs[form]; !ok {
			t.Errorf("%s on %s: the cost table lacks %+v", row.Name, d.Type, form)
		}
	})
	if n < 1000 {
		t.Fatalf("only %d operations in the table", n)
	}
}

// TestHandleCommits changes every byte of a derivation that still decodes and
// expects another handle.
func TestHandleCommits(t *testing.T) {
	enc, _ := derivationFor(mustRow(t, Select), Uint64, 0).MarshalBinary()
	var d Derivation
	if err := d.UnmarshalBinary(enc); err != nil {
		t.Fatal(err)
	}
	want := d.Results()[0].Handle
	changed := 0
	for i := range enc {
		other := bytes.Clone(enc)
		other[i] ^= 1
		if d.UnmarshalBinary(other) != nil {
			continue
		}
		changed++
		if d.Results()[0].Handle == want {
			t.Errorf("byte %d does not reach the handle", i)
		}
	}
	if changed < 100 {
		t.Fatalf("only %d bytes could be changed", changed)
	}
}

func TestDerivationRules(t *testing.T) {
	wide := new(uint256.Int).Lsh(uint256.NewInt(1), 64)
	one := ClearOperand(uint256.NewInt(1))
	bad := map[string]func(*Derivation){
		"unknown operation":       func(d *Derivation) { d.Op = 99 },
		"is not defined on bool":  func(d *Derivation) { d.Type = Bool },
		"protocol version":        func(d *Derivation) { d.Domain.Version = 9 },
		"takes 2 operands, got 1": func(d *Derivation) { d.Operands = d.Operands[:1] },
		"of unknown kind 3":       func(d *Derivation) { d.Operands[0].Kind = 3 },
		"is uninitialised":        func(d *Derivation) { d.Operands[1] = Operand{Kind: Made} },
		"is of chain 5":           func(d *Derivation) { d.Operands[0].Word = NewHandle(Digest{}, 0, 5, Uint8, Version) },
		"is uint8, want uint64":   func(d *Derivation) { d.Operands[0].Word = testHandle(Uint8) },
		"does not fit uint64":     func(d *Derivation) { d.Operands[1] = ClearOperand(wide) },
		"no operand is encrypted": func(d *Derivation) { d.Operands = []Operand{one, one} },
		"table of 0":              func(d *Derivation) { d.Table = []byte{1} },
		"table of 256":            func(d *Derivation) { d.Op, d.Type = Lookup, Uint8 },
		"may not be clear":        func(d *Derivation) { d.Op, d.Operands = Neg, []Operand{one} },
		"takes a clear value":     func(d *Derivation) { d.Op, d.Operands = Trivial, d.Operands[:1] },
		"no factor is encrypted":  func(d *Derivation) { d.Op, d.Operands = MulDiv, []Operand{one, one, d.Operands[0]} },
		"takes 2 to 101 operands": func(d *Derivation) { d.Op, d.Operands = IsIn, d.Operands[:1] },
		"operand 0 must be clear": func(d *Derivation) { d.Op, d.Operands = Rand, d.Operands[:1] },
		"takes 1 operands, got 2": func(d *Derivation) { d.Op = Rand },
		"randBounded: takes 2":    func(d *Derivation) { d.Op, d.Operands = RandBounded, []Operand{one} },
		"bound is 0":              func(d *Derivation) { d.Op, d.Operands = RandBounded, []Operand{one, {Kind: Clear}} },
		"want 1 to 2^64": func(d *Derivation) {
			d.Op, d.Operands = RandBounded, []Operand{one, ClearOperand(wide.AddUint64(wide, 1))}
		},
	}
	for want, spoil := range bad {
		d := derivationFor(mustRow(t, Add), Uint64, 0)
		spoil(d)
		enc, _ := d.MarshalBinary()
		if err := new(Derivation).UnmarshalBinary(enc); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q", err, want)
		}
	}
}

func mustRow(t *testing.T, o Op) Operator {
	row, err := o.Operator()
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func testList(r *rand.Rand, types ...Type) *InputList {
	l := &InputList{Binding: Binding{Domain: testDomain, Contract: Address{1}, User: Address{2}}, Types: types}
	l.Mask = make([]uint64, inputDim)
	for _, typ := range types {
		l.Bodies = append(l.Bodies, make([]uint64, typ.Slots())...)
	}
	for _, words := range [][]uint64{l.Mask, l.Bodies} {
		for i := range words {
			words[i] = r.Uint64()
		}
	}
	return l
}

func TestInputListRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, types := range [][]Type{{Uint64}, {Bool}, {Bool, Uint8, Uint16, Uint32, Uint64}, manyTypes(Uint8, MaxInputValues), manyTypes(Uint64, 32)} {
		enc, err := testList(r, types...).MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if len(enc) > MaxInputSize {
			t.Fatalf("%d bytes exceed MaxInputSize %d", len(enc), MaxInputSize)
		}
		var back InputList
		if err := back.UnmarshalBinary(enc); err != nil {
			t.Fatal(err)
		}
		if again, _ := back.MarshalBinary(); !bytes.Equal(enc, again) {
			t.Fatal("encoding changed")
		}
	}
}

func manyTypes(t Type, n int) []Type {
	out := make([]Type, n)
	for i := range out {
		out[i] = t
	}
	return out
}

func TestInputListBounds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	good, _ := testList(r, Uint64, Bool).MarshalBinary()
	for name, b := range map[string][]byte{
		"empty":        {},
		"truncated":    good[:len(good)-1],
		"header only":  good[:inputHeader],
		"trailing":     append(bytes.Clone(good), 0),
		"format":       append([]byte{1}, good[1:]...),
		"oversized":    make([]byte, MaxInputSize+1),
		"unknown type": spoiled(good, inputHeader, 77),
		"no values":    spoiled(good, inputHeader-1, 0),
	} {
		if err := new(InputList).UnmarshalBinary(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := testList(r, manyTypes(Uint64, 33)...).MarshalBinary(); err == nil {
		t.Error("2112 bits accepted")
	}
}

func spoiled(b []byte, at int, v byte) []byte {
	b = bytes.Clone(b)
	b[at] = v
	return b
}

func TestBindingCheck(t *testing.T) {
	want := Binding{Domain: testDomain, Contract: Address{1}, User: Address{2}}
	if err := want.Check(want); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Binding){
		"chain":    func(b *Binding) { b.Domain.ChainID++ },
		"ACL":      func(b *Binding) { b.Domain.ACL[0]++ },
		"key":      func(b *Binding) { b.Domain.KeyID[0]++ },
		"version":  func(b *Binding) { b.Domain.Version++ },
		"contract": func(b *Binding) { b.Contract[0]++ },
		"user":     func(b *Binding) { b.User[0]++ },
	} {
		got := want
		spoil(&got)
		if err := got.Check(want); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

// TestKnownHandles pins the derivations: a change here changes the protocol.
func TestKnownHandles(t *testing.T) {
	d := derivationFor(mustRow(t, Add), Uint64, 0)
	h := d.Results()[0].Handle
	in, _ := InputHandle(Binding{Domain: testDomain, Contract: Address{1}, User: Address{2}}, Digest{9}, 3, Uint64)
	for name, c := range map[string]struct{ got, want string }{
		"add":   {h.String(), "0xe07aa5de735463cceeac0cbc541e8ad271e9fe5bb7ff0000000000007a690500"},
		"input": {in.String(), "0xdbd7cf474806173acbbf254c682891b28c1a8433ad030000000000007a690500"},
	} {
		if c.got != c.want {
			t.Errorf("%s: handle %s, want %s", name, c.got, c.want)
		}
	}
}

func TestJSON(t *testing.T) {
	h := testHandle(Uint32)
	b, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	var back Handle
	if err := json.Unmarshal(b, &back); err != nil || back != h {
		t.Fatalf("got %s, %v", back, err)
	}
	for _, s := range []string{`"0x"`, `"00"`, `"0xzz"`, `"` + strings.Repeat("0", 66) + `"`} {
		if err := json.Unmarshal([]byte(s), &back); err == nil {
			t.Errorf("%s accepted", s)
		}
	}
}

func FuzzDerivation(f *testing.F) {
	everyDerivation(func(_ Operator, d *Derivation) {
		enc, _ := d.MarshalBinary()
		f.Add(enc)
	})
	f.Fuzz(func(t *testing.T, b []byte) {
		var d Derivation
		if d.UnmarshalBinary(b) != nil {
			return
		}
		if again, err := d.MarshalBinary(); err != nil || !bytes.Equal(b, again) {
			t.Fatalf("decoding is not canonical: %x, %v", again, err)
		}
	})
}

func FuzzInputList(f *testing.F) {
	enc, _ := testList(rand.New(rand.NewPCG(1, 2)), Bool, Uint16).MarshalBinary()
	f.Add(enc)
	f.Add(enc[:inputHeader+2])
	f.Fuzz(func(t *testing.T, b []byte) {
		var l InputList
		if l.UnmarshalBinary(b) != nil {
			return
		}
		if again, err := l.MarshalBinary(); err != nil || !bytes.Equal(b, again) {
			t.Fatalf("decoding is not canonical: %v", err)
		}
	})
}
