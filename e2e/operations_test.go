package e2e

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"fhevm/contracts"
	"fhevm/fhe"
	"fhevm/fhe/model"
	"fhevm/sdk"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// narrowABI is the interface of contracts/test/Narrow.sol, but for its functions
// run0, run1 and so on.
var narrowABI = parsed(&contracts.Artifact{ABI: `[
	{"type": "function", "name": "load", "inputs": [{"name": "handles", "type": "bytes32[9]"}, {"name": "proof", "type": "bytes"}], "outputs": []},
	{"type": "function", "name": "parts", "stateMutability": "view", "inputs": [], "outputs": [{"name": "", "type": "uint256"}]},
	{"type": "event", "name": "Results", "inputs": [
		{"name": "op", "type": "uint8"}, {"name": "fheType", "type": "uint8"}, {"name": "clear", "type": "uint256"},
		{"name": "source", "type": "uint8"}, {"name": "results", "type": "bytes32[]"}]}
]`})

// narrowInputs are the contracts' inputs: operand i of a type is the i-th.
var narrowInputs = map[fhe.Type][]uint64{
	fhe.Bool:  {1, 0, 1},
	fhe.Uint8: {200, 13, 200},
	fhe.Int8:  {156, 7, 156}, // -100, 7, -100
}

// ordered is an operation that a contract reports: its operands in the clear, and
// the handles of its results.
type ordered struct {
	row      fhe.Operator
	typ      fhe.Type
	types    []fhe.Type
	operands []*big.Int
	results  []fhe.Handle
}

// narrow is a contract that orders every operation on one type.
type narrow struct {
	*node
	at common.Address
}

// TestEveryOperation runs each row of the operator table, in all forms, through a
// contract on its narrowest type, and decrypts what comes out.
func TestEveryOperation(t *testing.T) {
	n := startDev(t)
	var seen []fhe.Op
	for _, name := range []string{"NarrowBool", "NarrowUint8", "NarrowInt8"} {
		n.step(name, func() {
			c := deployNarrow(n, name)
			for chunk := range slices.Chunk(c.order(), 16) {
				c.check(chunk)
				for _, o := range chunk {
					seen = append(seen, o.row.Op)
				}
			}
		})
	}
	for _, row := range fhe.Operators() {
		if !slices.Contains(seen, row.Op) {
			t.Errorf("%s was not run", row.Name)
		}
	}
}

// bytecode creates one of the contracts for tests.
func (n *node) bytecode(name string) []byte {
	n.t.Helper()
	raw, err := os.ReadFile("../contracts/testdata/" + name + ".json")
	n.must(err)
	var file struct{ Bytecode string }
	n.must(json.Unmarshal(raw, &file))
	code, err := hex.DecodeString(strings.TrimPrefix(file.Bytecode, "0x"))
	n.must(err)
	return code
}

func deployNarrow(n *node, name string) *narrow {
	n.t.Helper()
	c := &narrow{n, n.mine(signed(alice, n.nonce(alice), nil, n.bytecode(name))).ContractAddress}
	var values []sdk.Value
	for _, typ := range []fhe.Type{fhe.Bool, fhe.Uint8, fhe.Int8} {
		for _, v := range narrowInputs[typ] {
			values = append(values, sdk.Value{Type: typ, Clear: uint256.NewInt(v)})
		}
	}
	in := n.encrypt(c.at, alice, values...)
	var handles [9][32]byte
	for i, h := range in.Handles {
		handles[i] = h
	}
	n.send(alice, c.at, pack(narrowABI, "load", handles, []byte(in.Proof)))
	return c
}

// order has the contract order everything.
func (c *narrow) order() (all []ordered) {
	c.t.Helper()
	out, err := c.chain.CallContract(c.ctx, ethereum.CallMsg{To: &c.at, Data: pack(narrowABI, "parts")}, nil)
	c.must(err)
	for i := range new(big.Int).SetBytes(out).Int64() {
		run := abi.NewMethod("", fmt.Sprintf("run%d", i), abi.Function, "", false, false, nil, nil)
		for _, l := range c.send(alice, c.at, run.ID).Logs {
			if l.Address == c.at {
				all = append(all, c.parse(l.Data))
			}
		}
	}
	return all
}

func (c *narrow) parse(data []byte) ordered {
	c.t.Helper()
	v, err := narrowABI.Events["Results"].Inputs.Unpack(data)
	c.must(err)
	row, err := fhe.Op(v[0].(uint8)).Operator()
	c.must(err)
	o := ordered{row: row, typ: fhe.Type(v[1].(uint8))}
	o.types = row.Signature(o.typ, 3)
	if row.Shape == fhe.Convert {
		o.types = []fhe.Type{fhe.Type(v[3].(uint8))}
	}
	clear := v[2].(*big.Int)
	for i, typ := range o.types {
		value := int64(narrowInputs[typ][i])
		if clear.Bit(i) == 1 || row.Shape == fhe.Member && clear.Sign() != 0 && i > 0 {
			value = 5 + int64(i)
			if typ == fhe.Bool {
				value = 1
			}
		}
		o.operands = append(o.operands, big.NewInt(value))
	}
	for _, h := range v[4].([][32]byte) {
		o.results = append(o.results, h)
	}
	return o
}

// check decrypts results and compares them with what they should be.
func (c *narrow) check(all []ordered) {
	c.t.Helper()
	var handles []fhe.Handle
	for _, o := range all {
		handles = append(handles, o.results...)
	}
	for _, h := range handles {
		c.ready(h)
	}
	values, err := c.wallet.UserDecrypt(c.ctx, c.permit(alice, c.at, handles...))
	c.must(err)
	for _, o := range all {
		o.check(c.t, values[:len(o.results)])
		values = values[len(o.results):]
	}
}

func (o *ordered) check(t *testing.T, got []*uint256.Int) {
	t.Helper()
	if o.row.Shape == fhe.Draw {
		if o.row.Op == fhe.RandBounded && got[0].CmpUint64(5) >= 0 {
			t.Errorf("a random value below 5 is %s", got[0])
		}
		return
	}
	want := o.expected()
	for k, typ := range o.row.Results(o.typ) {
		if got[k].ToBig().Cmp(want[k]) != 0 || o.results[k].Type() != typ {
			t.Errorf("%s on %s of %v: result %d is %s of %s, want %s of %s", o.row.Name, o.typ, o.operands, k, got[k], o.results[k].Type(), want[k], typ)
		}
	}
}

func (o *ordered) expected() []*big.Int {
	if o.row.Shape != fhe.Table {
		return model.Expected(o.row.Op, o.typ, o.types, o.operands)
	}
	table := make([]uint16, fhe.TableSize) // as the contracts fill it
	for i := range table {
		table[i] = uint16(uint8(i*i + 7))
	}
	return []*big.Int{model.Entry(table, o.operands)}
}
