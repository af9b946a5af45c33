package contracts

import (
	"bytes"
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"fhevm/fhe"
	"fhevm/fhe/model"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
)

// overloads is the contract of test/Overloads.sol, whose methods are named
// after an operation and its operands' Solidity types.
type overloads struct {
	*network
	at   common.Address
	rand *rand.Rand
}

func newOverloads(t *testing.T) *overloads {
	raw, err := os.ReadFile("testdata/Overloads.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Bytecode string }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	n := newNetwork(t)
	for _, e := range parseABI(t, ConfidentialToken).Errors {
		n.errors[[4]byte(e.ID[:4])] = e
	}
	c := n.deploy(&Artifact{Name: "Overloads", ABI: "[]", Bytecode: unhex(t, file.Bytecode)})
	return &overloads{n, c.Address, rand.New(rand.NewPCG(1, 2))}
}

// operand is an argument of an overload: a list of one value, or more where it is
// a list.
type operand struct {
	typ         fhe.Type
	clear, list bool
	values      []*big.Int
	unset       []bool // uninitialised variables
}

// String is the operand's part of the method's name.
func (o operand) String() string {
	name := o.typ.String()
	if !o.clear {
		name = "e" + name
	}
	if o.list {
		name += "s"
	}
	return name
}

// abi is the operand's type in the method's signature.
func (o operand) abi() string {
	name := "bytes32"
	if o.clear {
		name = o.typ.String()
	}
	if o.list {
		name += "[]"
	}
	return name
}

// method is the first part of the calldata.
func (o *overloads) method(name string, types ...string) []byte {
	return crypto.Keccak256([]byte(name + "(" + strings.Join(types, ",") + ")"))[:4]
}

// value is a random value of type t, often an extreme one.
func (o *overloads) value(t fhe.Type) *big.Int {
	switch o.rand.IntN(4) {
	case 0:
		return new(big.Int)
	case 1:
		return wrap(big.NewInt(-1), t)
	}
	v := new(big.Int).SetUint64(o.rand.Uint64())
	return wrap(v.Mul(v, v).Mul(v, v), t)
}

// divisor gives a clear operand of a division a value, which is not 0.
func (o *overloads) divisor(row fhe.Operator, p operand) operand {
	if row.Op == fhe.Div || row.Op == fhe.Rem || row.Op == fhe.MulDiv {
		p.values, p.unset = []*big.Int{wrap(big.NewInt(1+o.rand.Int64N(100)), p.typ)}, []bool{false}
	}
	return p
}

// draw gives the operand random values, unless it has some.
func (o *overloads) draw(p *operand) {
	if p.values != nil {
		return
	}
	n := 1
	if p.list {
		n = o.rand.IntN(4)
	}
	for range n {
		v, unset := o.value(p.typ), !p.clear && o.rand.IntN(4) == 0
		if unset {
			v = new(big.Int)
		}
		p.values, p.unset = append(p.values, v), append(p.unset, unset)
	}
}

// words encrypts what is to be encrypted and gives the ABI's words.
func (o *overloads) words(tx *transaction, p operand) (out [][]byte) {
	for i, v := range p.values {
		w := p.typ.Word(uint256.MustFromBig(v))
		switch {
		case p.unset[i]:
			w = [32]byte{}
		case !p.clear:
			w = tx.handle(o.at, o.executor, "trivialEncrypt", v, uint8(p.typ))
		}
		out = append(out, w[:])
	}
	return out
}

// calldata encodes the arguments, a table of look-ups behind them unless empty.
func (o *overloads) calldata(tx *transaction, operands []operand, table []byte) []byte {
	var head, tail []byte
	slots := len(operands)
	if table != nil {
		slots++
	}
	dynamic := func(length int, content []byte) {
		head = append(head, common.BigToHash(big.NewInt(int64(32*slots+len(tail)))).Bytes()...)
		tail = append(append(tail, common.BigToHash(big.NewInt(int64(length))).Bytes()...), content...)
	}
	for _, p := range operands {
		list := bytes.Join(o.words(tx, p), nil)
		if p.list {
			dynamic(len(p.values), list)
		} else {
			head = append(head, list...)
		}
	}
	if table != nil {
		dynamic(len(table), table)
	}
	return append(head, tail...)
}

// call calls an overload with random operands and returns its results.
func (o *overloads) call(t *testing.T, name string, operands []operand, table []byte) (results []fhe.Handle) {
	t.Helper()
	o.t = t
	o.nextBlock() // the budget of one does not suffice
	fn, types := name, []string{}
	for i := range operands {
		o.draw(&operands[i])
		fn += "_" + operands[i].String()
		types = append(types, operands[i].abi())
	}
	if table != nil {
		types = append(types, "bytes")
	}
	o.transaction(func(tx *transaction) {
		input := append(o.method(fn, types...), o.calldata(tx, operands, table)...)
		out, err := tx.raw(bob, o.at, input)
		if err != nil {
			t.Fatalf("%s: %v", fn, err)
		}
		for ; len(out) > 0; out = out[32:] {
			results = append(results, fhe.Handle(out))
			tx.wantRights(rights{transient: true}, fhe.Handle(out), o.at)
		}
	})
	return results
}

// check calls an overload and compares the results with the operation in the clear,
// on type wide.
func (o *overloads) check(t *testing.T, name string, op fhe.Op, wide fhe.Type, operands ...operand) {
	t.Helper()
	results := o.call(t, name, operands, nil)
	var types []fhe.Type
	var values []*big.Int
	for _, p := range operands {
		for _, v := range p.values {
			types, values = append(types, p.typ), append(values, v)
		}
	}
	row, _ := op.Operator()
	want := []*big.Int{new(big.Int)} // of an empty list
	if len(values) > 0 && !(row.Shape == fhe.Member && len(values) == 1) {
		want = model.Expected(op, wide, types, values)
	}
	for k, typ := range row.Results(wide) {
		if got := o.values[results[k]]; got.Cmp(want[k]) != 0 || results[k].Type() != typ {
			t.Errorf("%s(%v) = %v of %s, want %v of %s", name, operands, got, results[k].Type(), want[k], typ)
		}
	}
}

// overloaded are the types whose overloads the contract has.
var overloaded = []fhe.Type{fhe.Bool, fhe.Uint8, fhe.Uint16, fhe.Uint256, fhe.Uint160, fhe.Int8, fhe.Int256}

// TestOverloads calls every overload that the operator table promises.
func TestOverloads(t *testing.T) {
	o := newOverloads(t)
	for _, row := range fhe.Operators() {
		t.Run(row.Name, func(t *testing.T) {
			for _, a := range overloaded {
				if !row.On(a) {
					continue
				}
				for range 4 {
					o.checkType(t, row, a)
				}
			}
		})
	}
}

func (o *overloads) checkType(t *testing.T, row fhe.Operator, a fhe.Type) {
	secret, open := operand{typ: a}, operand{typ: a, clear: true}
	check := func(operands ...operand) { t.Helper(); o.check(t, row.Name, row.Op, a, operands...) }
	switch row.Shape {
	case fhe.Unary, fhe.Measure:
		check(secret)
	case fhe.Choose:
		check(operand{typ: fhe.Bool}, secret, secret)
		check(operand{typ: fhe.Bool}, secret, open)
		check(operand{typ: fhe.Bool}, open, secret)
	case fhe.Encrypt:
		o.check(t, conversionTo(a), row.Op, a, open)
	case fhe.Convert:
		for _, from := range overloaded {
			if from != a {
				o.check(t, conversionTo(a), row.Op, a, operand{typ: from})
			}
		}
	case fhe.Shift:
		check(secret, operand{typ: fhe.Uint8})
		check(secret, operand{typ: fhe.Uint8, clear: true})
	case fhe.Ternary:
		check(secret, secret, secret)
		check(secret, secret, o.divisor(row, open))
		check(secret, open, secret)
		check(secret, open, o.divisor(row, open))
	case fhe.Fold:
		check(operand{typ: a, list: true})
	case fhe.Member:
		check(secret, operand{typ: a, list: true})
		check(secret, operand{typ: a, list: true, clear: true})
	case fhe.Binary, fhe.Compare, fhe.Checked:
		check(secret, secret)
		check(secret, o.divisor(row, open))
		check(open, secret)
		o.checkMixed(t, row, a)
	case fhe.Table:
		o.checkTable(t, row, a)
	case fhe.Draw:
		o.checkDraw(t, row, a)
	}
}

// checkMixed calls the overloads of an established operation on unsigned operands
// of different widths.
func (o *overloads) checkMixed(t *testing.T, row fhe.Operator, a fhe.Type) {
	for _, b := range overloaded {
		if _, ok := established[row.Op]; ok && a.Kind() == fhe.Uints && b.Kind() == fhe.Uints && a != b {
			o.check(t, row.Name, row.Op, max(a, b), operand{typ: a}, operand{typ: b})
		}
	}
}

func (o *overloads) checkTable(t *testing.T, row fhe.Operator, a fhe.Type) {
	table := make([]byte, fhe.TableSize*a.Bits()/8)
	for i := range table {
		table[i] = byte(o.rand.Uint32())
	}
	operands := []operand{{typ: fhe.Uint8}, {typ: fhe.Uint8}}[:len(row.Signature(a, 0))]
	result := o.call(t, "lookupE"+a.String(), operands, table)[0]
	at := operands[0].values[0].Uint64()
	if row.Op == fhe.Lookup2 {
		at = at%16 + operands[1].values[0].Uint64()%16*16
	}
	size := a.Bits() / 8
	want := new(big.Int).SetBytes(table[int(at)*size:][:size])
	if got := o.values[result]; got.Cmp(want) != 0 || result.Type() != a {
		t.Errorf("%s(%v) = %v of %s, want %v of %s", row.Name, operands, got, result.Type(), want, a)
	}
}

// checkDraw draws twice: the seeds differ.
func (o *overloads) checkDraw(t *testing.T, row fhe.Operator, a fhe.Type) {
	var operands []operand
	if row.Op == fhe.RandBounded {
		operands = []operand{{typ: a, clear: true, values: []*big.Int{big.NewInt(3)}, unset: []bool{false}}}
	}
	one, two := o.call(t, "randE"+a.String(), operands, nil)[0], o.call(t, "randE"+a.String(), operands, nil)[0]
	if one == two || one.Type() != a {
		t.Errorf("%s gives %s and %s", row.Name, one, two)
	}
}

func conversionTo(t fhe.Type) string { return "asE" + t.String() }
