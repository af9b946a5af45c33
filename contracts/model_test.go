package contracts

import (
	"math/big"

	"fhevm/fhe"
	"fhevm/fhe/model"
	"fhevm/precompiles"

	"github.com/ethereum/go-ethereum/core/types"
)

// follow evaluates the ordered operations on plaintexts: what a coprocessor
// does on ciphertexts. Random values have none.
func (n *network) follow(logs []*types.Log) {
	n.t.Helper()
	for _, d := range n.derivations(logs) {
		values := n.evaluate(&d)
		for k, r := range d.Results() {
			if n.values[r.Handle] != nil {
				n.t.Fatalf("%s makes %s again", d.Op, r.Handle)
			}
			n.values[r.Handle] = values[k]
		}
	}
}

func (n *network) evaluate(d *fhe.Derivation) []*big.Int {
	n.t.Helper()
	row, err := d.Op.Operator()
	if err != nil {
		n.t.Fatal(err)
	}
	if row.Shape == fhe.Draw {
		return []*big.Int{new(big.Int)}
	}
	want := row.Signature(d.Type, len(d.Operands))
	var operands []*big.Int
	for i, o := range d.Operands {
		if o.Kind == fhe.Clear {
			operands = append(operands, o.Value().ToBig())
			continue
		}
		h := o.Handle()
		if n.values[h] == nil {
			n.t.Fatalf("%s uses %s, which nothing made", d.Op, h)
		}
		operands, want[i] = append(operands, n.values[h]), h.Type()
	}
	if row.Shape == fhe.Table {
		return []*big.Int{n.entry(d, operands)}
	}
	return model.Expected(d.Op, d.Type, want, operands)
}

// entry is what a look-up finds.
func (n *network) entry(d *fhe.Derivation, operands []*big.Int) *big.Int {
	n.t.Helper()
	entries, err := fhe.TableEntries(d.Table, d.Type)
	if err != nil {
		n.t.Fatal(err)
	}
	return model.Entry(entries, operands)
}

// derivations lists the operations of some logs and checks each event against
// its derivation.
func (n *network) derivations(logs []*types.Log) []fhe.Derivation {
	n.t.Helper()
	var out []fhe.Derivation
	for _, e := range n.executor.events(n.t, logs, "Operation") {
		var d fhe.Derivation
		if err := d.UnmarshalComputation(n.domain(), e["computation"].([]byte)); err != nil {
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

// wrap is x modulo 2^bits.
func wrap(x *big.Int, t fhe.Type) *big.Int {
	return new(big.Int).Mod(x, new(big.Int).Lsh(big.NewInt(1), uint(t.Bits())))
}
