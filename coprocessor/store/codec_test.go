package store

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/holiman/uint256"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/fhe"
)

func TestPositionsSortAsBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	edge := []uint64{0, 1, 255, 256, 1<<32 - 1, 1 << 32, 1<<64 - 1}
	for range 10000 {
		p := Position{edge[r.IntN(len(edge))], uint32(edge[r.IntN(5)])}
		q := Position{edge[r.IntN(len(edge))], uint32(edge[r.IntN(5)])}
		if p.Less(q) != (bytes.Compare(keyPending(p), keyPending(q)) < 0) {
			t.Fatalf("%v and %v sort differently as keys", p, q)
		}
	}
	if next := (Position{3, 1<<32 - 1}).Next(); next != (Position{4, 0}) {
		t.Fatalf("after the last index of block 3 comes %v", next)
	}
}

func addNode() *Node {
	return &Node{Kind: Operation, Handle: fhe.Handle{1}, Op: fhe.TryAdd, Type: fhe.Uint8,
		Operands: []fhe.Operand{{Kind: fhe.Stored, Word: ID{2}}, {Kind: fhe.Made, Word: ID{3}}}}
}

// TestContentIDs pins the formula, and shows that everything but the handle
// reaches the id.
func TestContentIDs(t *testing.T) {
	add := addNode()
	add.Operands[1] = fhe.ClearOperand(uint256.NewInt(9))
	want := fhe.Keccak([]byte("fhevm content"), logtest.Domain.Append(nil),
		[]byte{64, 2, 2, 0, 2}, append([]byte{2}, make([]byte, 31)...), append(make([]byte, 31), 9))
	if got := add.contentID(logtest.Domain); got != ID(want) {
		t.Fatalf("content id %s, want %s", got, want)
	}
	flag := fhe.Keccak([]byte("fhevm content result"), want[:], []byte{1})
	if got := add.Results(logtest.Domain); len(got) != 2 || got[0] != ID(want) || got[1] != ID(flag) {
		t.Fatalf("contents %s, want %s and %s", got, want, flag)
	}

	base := addNode().contentID(logtest.Domain)
	other := addNode()
	other.Handle = fhe.Handle{9}
	if other.contentID(logtest.Domain) != base {
		t.Fatal("the handle, and with it the salt, reaches the content id")
	}
	changes := map[string]func(*Node){
		"op":      func(n *Node) { n.Op = fhe.TrySub },
		"type":    func(n *Node) { n.Type = fhe.Uint16 },
		"kinds":   func(n *Node) { n.Operands[0].Kind = fhe.Made },
		"operand": func(n *Node) { n.Operands[1].Word[31] ^= 1 },
		"order":   func(n *Node) { n.Operands[0].Word, n.Operands[1].Word = n.Operands[1].Word, n.Operands[0].Word },
		"clear":   func(n *Node) { n.Operands[1].Kind = fhe.Clear },
		"table":   func(n *Node) { n.Table = []byte{0} },
		"index":   func(n *Node) { n.Index = 1 },
		"kind":    func(n *Node) { n.Kind = Undefined },
	}
	seen := map[ID]string{base: "base"}
	for name, change := range changes {
		n := addNode()
		change(n)
		id := n.contentID(logtest.Domain)
		if twin, ok := seen[id]; ok {
			t.Errorf("%s and %s share a content id", name, twin)
		}
		seen[id] = name
	}
	domain := logtest.Domain
	domain.KeyID[5] ^= 1
	if addNode().contentID(domain) == base {
		t.Error("the domain does not reach the content id")
	}
}

func FuzzNode(f *testing.F) {
	for _, n := range []*Node{
		addNode(),
		{Kind: Operation, Op: fhe.Trivial, Type: fhe.Uint64, Operands: []fhe.Operand{fhe.ClearOperand(uint256.NewInt(7))}},
		{Kind: Operation, Op: fhe.Lookup, Type: fhe.Uint8, Operands: []fhe.Operand{{Word: ID{2}}}, Table: make([]byte, fhe.TableSize)},
		{Kind: Input, Handle: fhe.Handle{4}, List: fhe.Digest{5}, Index: 3},
		{Kind: Undefined, Handle: fhe.Handle{6}},
	} {
		b, _ := n.MarshalBinary()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var n Node
		if n.UnmarshalBinary(b) != nil {
			return
		}
		if again, _ := n.MarshalBinary(); !bytes.Equal(b, again) {
			t.Fatalf("%x decodes, but encodes as %x", b, again)
		}
	})
}

// FuzzRecords feeds every other decoder: what it accepts must encode to the
// same bytes.
func FuzzRecords(f *testing.F) {
	f.Add((&Binding{Block: 1, Digest: fhe.Digest{2}, Content: ID{3}, Derivation: []byte{4}}).encode())
	f.Add((&Failure{Handle: fhe.Handle{1}, Reason: "no memory"}).encode())
	f.Add((&blockRecord{Hash: fhe.Digest{1}, Bound: []fhe.Handle{{2}}, Wanted: []fhe.Handle{{3}}}).encode())
	f.Add(Cursor{5, fhe.Digest{6}}.encode())
	f.Add(Position{7, 8}.append(nil))
	f.Add((&Result{Digest: fhe.Digest{9}}).encode())
	f.Add(use{10, fhe.Digest{11}}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		same := func(what string, again []byte) {
			if !bytes.Equal(b, again) {
				t.Fatalf("%s: %x decodes, but encodes as %x", what, b, again)
			}
		}
		if x, err := parseBinding(b); err == nil {
			same("binding", x.encode())
		}
		if x, err := parseFailure(b); err == nil {
			same("failure", x.encode())
		}
		if x, err := parseBlock(b); err == nil {
			same("block", x.encode())
		}
		if x, err := parseCursor(b); err == nil {
			same("cursor", x.encode())
		}
		if x, err := parseResult(b); err == nil {
			same("result", x.encode())
		}
		if x, err := parseUse(b); err == nil {
			same("use", x.encode())
		}
		if x, err := parsePosition(b); err == nil {
			same("position", x.append(nil))
		}
	})
}
