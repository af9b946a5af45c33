package contracts

import (
	"math/big"

	"fhevm/fhe"
	"fhevm/precompiles"

	"github.com/ethereum/go-ethereum/core/types"
)

// follow evaluates the ordered operations on plaintexts: what a coprocessor
// does on ciphertexts.
func (n *network) follow(logs []*types.Log) {
	n.t.Helper()
	for _, d := range n.derivations(logs) {
		var operands []*big.Int
		for _, o := range d.Operands {
			if o.Kind == fhe.Clear {
				operands = append(operands, o.Value().ToBig())
				continue
			}
			if n.values[o.Handle()] == nil {
				n.t.Fatalf("%s uses %s, which nothing made", d.Op, o.Handle())
			}
			operands = append(operands, n.values[o.Handle()])
		}
		result := d.Results()[0].Handle
		if n.values[result] != nil {
			n.t.Fatalf("%s makes %s again", d.Op, result)
		}
		n.values[result] = evaluate(d.Op, d.Type, operands)
	}
}

// derivations lists the operations of some logs and checks each event against
// its derivation.
func (n *network) derivations(logs []*types.Log) []fhe.Derivation {
	n.t.Helper()
	var out []fhe.Derivation
	for _, e := range n.executor.events(n.t, logs, "Operation") {
		var d fhe.Derivation
		if err := d.UnmarshalBinary(e["derivation"].([]byte)); err != nil {
			n.t.Fatal(err)
		}
		first := d.Results()[0]
		if d.Domain != n.domain() || first.Handle != e["result"].([32]byte) || first.Digest != e["digest"].([32]byte) {
			n.t.Fatalf("event %v does not match its derivation", e)
		}
		out = append(out, d)
	}
	return out
}

// orderedGas is the price of the operations in some logs.
func (n *network) orderedGas(logs []*types.Log) (gas uint64) {
	for _, d := range n.derivations(logs) {
		gas += precompiles.OperationGas(&d)
	}
	return gas
}

// evaluate computes an operation on type t in the clear.
func evaluate(op fhe.Op, t fhe.Type, x []*big.Int) *big.Int {
	switch op {
	case fhe.Eq, fhe.Ne, fhe.Ge, fhe.Gt, fhe.Le, fhe.Lt:
		return truth(holds(op, x[0].Cmp(x[1])))
	case fhe.Cast, fhe.Trivial:
		if t == fhe.Bool {
			return truth(x[0].Sign() != 0)
		}
		return wrap(x[0], t)
	case fhe.Select:
		if x[0].Sign() != 0 {
			return x[1]
		}
		return x[2]
	case fhe.Neg:
		return wrap(new(big.Int).Neg(x[0]), t)
	case fhe.Not:
		return wrap(new(big.Int).Not(x[0]), t)
	}
	return wrap(arithmetic(op, x[0], x[1]), t)
}

func holds(op fhe.Op, order int) bool {
	switch op {
	case fhe.Eq:
		return order == 0
	case fhe.Ne:
		return order != 0
	case fhe.Ge:
		return order >= 0
	case fhe.Gt:
		return order > 0
	case fhe.Le:
		return order <= 0
	}
	return order < 0
}

func arithmetic(op fhe.Op, a, b *big.Int) *big.Int {
	z := new(big.Int)
	switch op {
	case fhe.Add:
		return z.Add(a, b)
	case fhe.Sub:
		return z.Sub(a, b)
	case fhe.Mul:
		return z.Mul(a, b)
	case fhe.And:
		return z.And(a, b)
	case fhe.Or:
		return z.Or(a, b)
	case fhe.Xor:
		return z.Xor(a, b)
	case fhe.Min, fhe.Max:
		if (a.Cmp(b) < 0) == (op == fhe.Min) {
			return a
		}
		return b
	}
	return nil
}

func wrap(x *big.Int, t fhe.Type) *big.Int {
	mask := new(big.Int).Lsh(big.NewInt(1), uint(t.Bits()))
	return new(big.Int).And(x, mask.Sub(mask, big.NewInt(1)))
}

func truth(b bool) *big.Int {
	if b {
		return big.NewInt(1)
	}
	return new(big.Int)
}
