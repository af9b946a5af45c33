package store

import (
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/holiman/uint256"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/fhe"
	"fhevm/fhe/model"
)

// workshop fuses operations as the log brings them, and knows the plaintexts of all
// contents.
type workshop struct {
	t      *testing.T
	nodes  map[ID]*Node
	values map[ID]*big.Int
}

func newWorkshop(t *testing.T) *workshop {
	return &workshop{t, make(map[ID]*Node), make(map[ID]*big.Int)}
}

// input is a content that is no operation.
func (w *workshop) input(name byte, v *big.Int) ID {
	id := ID{name}
	w.nodes[id], w.values[id] = &Node{Kind: Input}, v
	return id
}

// derive fuses an operation, and checks that what runs instead gives the same.
func (w *workshop) derive(op fhe.Op, typ fhe.Type, operands ...fhe.Operand) ID {
	w.t.Helper()
	n := &Node{Kind: Operation, Op: op, Type: typ, Operands: operands}
	want := w.evaluate(n)
	fused := *n
	if err := (fuser{func(id ID) (*Node, error) { return w.nodes[id], nil }}).fuse(&fused); err != nil {
		w.t.Fatal(err)
	}
	if err := new(Node).UnmarshalBinary(encoded(w.t, &fused)); err != nil {
		w.t.Fatalf("%s %s of %d operands: %v", fused.Op, fused.Type, len(fused.Operands), err)
	}
	if got := w.evaluate(&fused); got.Cmp(want) != 0 {
		w.t.Errorf("%s %s fused to %s of %d operands is %d, want %d", op, typ, fused.Op, len(fused.Operands), got, want)
	}
	id := fused.contentID(logtest.Domain)
	w.nodes[id], w.values[id] = &fused, want
	return id
}

func encoded(t *testing.T, n *Node) []byte {
	t.Helper()
	b, err := n.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (w *workshop) evaluate(n *Node) *big.Int {
	row, err := n.Op.Operator()
	if err != nil {
		w.t.Fatal(err)
	}
	args := make([]*big.Int, len(n.Operands))
	for i, o := range n.Operands {
		args[i] = o.Value().ToBig()
		if o.Kind != fhe.Clear {
			args[i] = w.values[o.Word]
		}
	}
	return model.Expected(n.Op, n.Type, row.Signature(n.Type, len(args)), args)[0]
}

func made(id ID) fhe.Operand        { return fhe.Operand{Kind: fhe.Made, Word: id} }
func fromBefore(id ID) fhe.Operand  { return fhe.Operand{Kind: fhe.Stored, Word: id} }
func constant(v uint64) fhe.Operand { return fhe.ClearOperand(uint256.NewInt(v)) }

// expect demands what runs for a content.
func (w *workshop) expect(id ID, op fhe.Op, operands ...fhe.Operand) {
	w.t.Helper()
	if n := w.nodes[id]; n.Op != op || !slices.Equal(n.Operands, operands) {
		w.t.Errorf("runs %s of %v, want %s of %v", n.Op, n.Operands, op, operands)
	}
}

func TestFuseSums(t *testing.T) {
	w := newWorkshop(t)
	var x [7]fhe.Operand
	for i := range x {
		x[i] = fromBefore(w.input(byte(i+1), big.NewInt(int64(50+i))))
	}
	add := func(a, b fhe.Operand) ID { return w.derive(fhe.Add, fhe.Uint8, a, b) }
	two := add(x[0], x[1])
	w.expect(two, fhe.Add, x[0], x[1])
	three := add(made(two), x[2])
	w.expect(three, fhe.Sum, x[0], x[1], x[2])
	w.expect(add(fromBefore(two), x[2]), fhe.Add, fromBefore(two), x[2])
	five := add(made(three), made(add(x[3], x[4])))
	w.expect(five, fhe.Sum, x[0], x[1], x[2], x[3], x[4])
	w.expect(add(made(five), x[5]), fhe.Add, made(five), x[5])
	w.expect(add(made(three), made(three)), fhe.Sum, x[0], x[1], x[2], made(three))
	w.expect(w.derive(fhe.Add, fhe.Int8, made(two), x[2]), fhe.Add, made(two), x[2])

	less := w.derive(fhe.Sub, fhe.Uint8, x[0], constant(3))
	w.expect(less, fhe.Sub, x[0], constant(3))
	w.expect(add(made(less), constant(5)), fhe.Add, x[0], constant(2))
	w.expect(w.derive(fhe.Sub, fhe.Uint8, made(less), constant(5)), fhe.Add, x[0], constant(248))
	w.expect(add(constant(1), made(add(x[1], made(less)))), fhe.Sum, x[1], x[0], constant(254))
	w.expect(w.derive(fhe.Sub, fhe.Uint8, constant(3), made(two)), fhe.Sub, constant(3), made(two))
	w.expect(w.derive(fhe.Sub, fhe.Uint8, made(two), x[2]), fhe.Sub, made(two), x[2])
}

func TestFuseClear(t *testing.T) {
	w := newWorkshop(t)
	x := fromBefore(w.input(1, big.NewInt(0xb5)))
	for _, c := range []struct {
		typ        fhe.Type
		inner      fhe.Op
		a          uint64
		outer      fhe.Op
		b          uint64
		want       fhe.Op
		c          uint64
		stays      bool
		commutated bool
	}{
		{fhe.Uint8, fhe.Mul, 100, fhe.Mul, 3, fhe.Mul, 44, false, true},
		{fhe.Uint8, fhe.And, 12, fhe.And, 10, fhe.And, 8, false, true},
		{fhe.Uint8, fhe.Or, 12, fhe.Or, 10, fhe.Or, 14, false, true},
		{fhe.Uint8, fhe.Xor, 12, fhe.Xor, 10, fhe.Xor, 6, false, true},
		{fhe.Uint8, fhe.And, 12, fhe.Or, 10, 0, 0, true, true},
		{fhe.Uint8, fhe.Rotl, 7, fhe.Rotl, 11, fhe.Rotl, 2, false, false},
		{fhe.Uint8, fhe.Rotl, 7, fhe.Rotr, 2, fhe.Rotr, 3, false, false},
		{fhe.Uint8, fhe.Rotr, 1, fhe.Rotl, 6, fhe.Rotl, 5, false, false},
		{fhe.Uint8, fhe.Shl, 9, fhe.Shl, 2, fhe.Shl, 3, false, false},
		{fhe.Uint8, fhe.Shl, 6, fhe.Shl, 2, 0, 0, true, false},
		{fhe.Uint8, fhe.Shr, 6, fhe.Shr, 2, 0, 0, true, false},
		{fhe.Int8, fhe.Shr, 6, fhe.Shr, 2, fhe.Shr, 7, false, false},
		{fhe.Uint8, fhe.Shl, 2, fhe.Shr, 2, 0, 0, true, false},
	} {
		inner := w.derive(c.inner, c.typ, x, constant(c.a))
		operands := []fhe.Operand{made(inner), constant(c.b)}
		for range 2 {
			outer := w.derive(c.outer, c.typ, operands...)
			if c.stays {
				w.expect(outer, c.outer, operands...)
			} else {
				w.expect(outer, c.want, x, constant(c.c))
			}
			if !c.commutated {
				break
			}
			slices.Reverse(operands)
		}
	}
}

// TestFusePrograms fuses random programs: what runs gives what the program says.
func TestFusePrograms(t *testing.T) {
	ops := []fhe.Op{fhe.Add, fhe.Add, fhe.Add, fhe.Sum, fhe.Sub, fhe.Mul, fhe.And, fhe.Or, fhe.Xor, fhe.Shl, fhe.Shr, fhe.Rotl, fhe.Rotr}
	fused := 0
	for _, typ := range fhe.Types() {
		if typ.Kind()&fhe.Numbers == 0 {
			continue
		}
		r := rand.New(rand.NewPCG(uint64(typ), 5))
		w := newWorkshop(t)
		var x []fhe.Operand
		for i := range byte(4) {
			x = append(x, fromBefore(w.input(i+1, randomBelow(r, typ))))
		}
		for range 800 {
			op := ops[r.IntN(len(ops))]
			row, _ := op.Operator()
			var operands []fhe.Operand
			for i, u := range row.Signature(typ, 1+r.IntN(4)) {
				o := x[max(0, len(x)-1-r.IntN(4))]
				switch {
				case i > 0 && row.Shape == fhe.Shift, r.IntN(4) == 0:
					v, _ := uint256.FromBig(randomBelow(r, u))
					o = fhe.ClearOperand(v)
				case r.IntN(6) == 0:
					o.Kind = fhe.Stored
				}
				operands = append(operands, o)
			}
			if row.CheckOperands(typ, operands, nil) != nil {
				continue
			}
			id := w.derive(op, typ, operands...)
			n := w.nodes[id]
			if n.Op != op || !slices.Equal(n.Operands, operands) {
				fused++
				w.checkFused(n, len(operands))
			}
			x = append(x, made(id))
		}
	}
	if fused < 1000 {
		t.Errorf("%d operations were fused: the programs test little", fused)
	}
}

// checkFused demands that a sum is bounded, and that clear values have come together
// behind the encrypted ones.
func (w *workshop) checkFused(n *Node, written int) {
	w.t.Helper()
	if len(n.Operands) > max(maxTerms, written) {
		w.t.Errorf("%s has %d operands, %d were written", n.Op, len(n.Operands), written)
	}
	if i := slices.IndexFunc(n.Operands, func(o fhe.Operand) bool { return o.Kind == fhe.Clear }); i >= 0 && i < len(n.Operands)-1 {
		w.t.Errorf("clear operand %d of %d stands before encrypted ones", i, len(n.Operands))
	}
}

func randomBelow(r *rand.Rand, t fhe.Type) *big.Int {
	v := new(big.Int)
	for range t.Bits() {
		v.Lsh(v, 1).SetBit(v, 0, uint(r.IntN(2)))
	}
	return v
}
