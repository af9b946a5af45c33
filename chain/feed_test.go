package chain

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"fhevm/contracts"
	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/core/vm/program"
)

var token = mustABI(contracts.ConfidentialToken)

func (w *wallet) deployToken() common.Address {
	w.t.Helper()
	return w.create(contracts.ConfidentialToken, "Token", "TKN")
}

// input is a well-formed list of one uint64. The chain cannot tell that its
// ciphertext is noise.
func input(t testing.TB, contract, user common.Address) (fhe.Handle, []byte) {
	t.Helper()
	list := fhe.InputList{
		Binding: fhe.Binding{Domain: testGenesis().Domain(), Contract: fhe.Address(contract), User: fhe.Address(user)},
		Types:   []fhe.Type{fhe.Uint64},
		Mask:    noise(2048), Bodies: noise(16),
	}
	encoding, err := list.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return list.Handles(encoding)[0], encoding
}

func noise(n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = rand.Uint64()
	}
	return out
}

// mint calls the token's mint with an encrypted input.
func (w *wallet) mint(at, to common.Address) (*types.Receipt, fhe.Handle, []byte) {
	w.t.Helper()
	handle, encoding := input(w.t, at, w.Address)
	data, err := token.Pack("mint", to, [32]byte(handle), encoding)
	if err != nil {
		w.t.Fatal(err)
	}
	r := w.send(&at, data, 8_000_000)
	if r.Status != types.ReceiptStatusSuccessful {
		w.t.Fatal("mint reverted")
	}
	return r, handle, encoding
}

// memory is a sink that holds what it is given. before, if there is one, may
// refuse a block.
type memory struct {
	held   []fhe.Batch
	before func(fhe.Batch) error
}

func (m *memory) Append(b fhe.Batch) error {
	if m.before != nil {
		if err := m.before(b); err != nil {
			return err
		}
	}
	if n := len(m.held); n > 0 && b.Number != m.held[n-1].Number+1 {
		return fmt.Errorf("block %d follows %d", b.Number, m.held[n-1].Number)
	}
	m.held = append(m.held, b)
	return nil
}

func (m *memory) Revert(number uint64) error {
	kept := slices.IndexFunc(m.held, func(b fhe.Batch) bool { return b.Number > number })
	if kept < 0 {
		return fmt.Errorf("nothing is above block %d", number)
	}
	m.held = m.held[:kept]
	return nil
}

func (m *memory) BlockHash(number uint64) (fhe.Digest, bool, error) {
	for _, b := range m.held {
		if b.Number == number {
			return b.Hash, true, nil
		}
	}
	return fhe.Digest{}, false, nil
}

// collect follows the feed until it has delivered block last.
func collect(t testing.TB, f *Feed, from, last uint64) []fhe.Batch {
	t.Helper()
	m := new(memory)
	ctx, done := context.WithCancel(ctx)
	m.before = func(b fhe.Batch) error {
		if b.Number == last {
			done()
		}
		return nil
	}
	if err := f.Follow(ctx, from, m); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	return m.held
}

// One confidential mint gives the input, then the operations that use it, each
// after what it needs, and what must be decryptable.
func TestFeedOfConfidentialMint(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	at := w.deployToken()
	r, handle, encoding := w.mint(at, w.Address)

	b := collect(t, n.Feed(), 0, r.BlockNumber.Uint64())[r.BlockNumber.Uint64()]
	if b.Hash != fhe.Digest(r.BlockHash) {
		t.Errorf("batch has hash %s, want %s", b.Hash, r.BlockHash)
	}
	if in := b.Entries[0].Input; in == nil || string(in.Encoding) != string(encoding) || in.Digest != fhe.Keccak(encoding) {
		t.Fatal("the first entry is not the input list")
	}
	known := map[fhe.Handle]bool{handle: true}
	var ops []fhe.Op
	wanted := 0
	for _, e := range b.Entries[1:] {
		switch {
		case e.Operation != nil:
			ops = append(ops, e.Operation.Derivation.Op)
			checkOperands(t, known, e.Operation)
			known[e.Operation.Result] = true
		case e.Wanted != nil:
			wanted++
			if !known[*e.Wanted] {
				t.Errorf("%s is wanted but nothing makes it", *e.Wanted)
			}
		}
	}
	if !slices.Contains(ops, fhe.Select) || !slices.Contains(ops, fhe.Add) || wanted < 2 {
		t.Errorf("operations %v, %d values wanted", ops, wanted)
	}
}

// checkOperands demands that an operand marked as made in this transaction was.
func checkOperands(t *testing.T, known map[fhe.Handle]bool, op *fhe.Operation) {
	t.Helper()
	for i, o := range op.Derivation.Operands {
		if o.Kind == fhe.Made && !known[o.Handle()] {
			t.Errorf("%s: operand %d, made in this transaction, is unknown", op.Derivation.Op, i)
		}
	}
}

// A contract that emits the executor's very log orders nothing.
func TestFeedIgnoresOtherContracts(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	topic := mustABI(contracts.FHEVMExecutor).Events["Operation"].ID
	code := program.New().Push0().Push0().Push(topic).Push0().Push0().Op(vm.LOG3).Bytes()
	at := w.deploy(program.New().ReturnViaCodeCopy(code).Bytes())
	r := w.send(&at, nil, 100_000)
	if len(r.Logs) != 1 || r.Logs[0].Topics[0] != topic {
		t.Fatal("no log was emitted")
	}
	for _, b := range collect(t, n.Feed(), 0, r.BlockNumber.Uint64()) {
		if len(b.Entries) != 0 {
			t.Errorf("block %d has entries", b.Number)
		}
	}
}

// Another ACL, of the same code, whose executor is whoever wants to be: what it
// says in the ACL's words is nobody's right.
func TestFeedIgnoresForgedRights(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	acl := system(contracts.ACL)
	iface := mustABI(acl.Artifact)
	var calls [][]byte
	for _, c := range [][]any{
		{"allowTransient", [32]byte{1}, w.Address}, {"allow", [32]byte{1}, w.Address}, {"allowForDecryption", [][32]byte{{1}}},
	} {
		data, err := iface.Pack(c[0].(string), c[1:]...)
		if err != nil {
			t.Fatal(err)
		}
		calls = append(calls, data)
	}
	initialise, err := iface.Pack("initialize", w.Address)
	if err != nil {
		t.Fatal(err)
	}
	acl.Proxy = fhe.Address(w.create(contracts.SystemProxy, w.create(acl.Artifact, w.Address), initialise))
	r := w.call(acl, "multicall", calls)
	if len(r.Logs) != 2 || r.Logs[0].Topics[0] != iface.Events["Allowed"].ID || r.Logs[1].Topics[0] != iface.Events["AllowedForDecryption"].ID {
		t.Fatalf("%d logs", len(r.Logs))
	}
	for _, b := range collect(t, n.Feed(), 0, r.BlockNumber.Uint64()) {
		if len(b.Entries) != 0 {
			t.Errorf("block %d has entries", b.Number)
		}
	}
}

// Sealing goes on while the receiver is stuck, and the receiver misses nothing.
func TestFeedNeverBlocksTheChain(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	stuck, release := make(chan struct{}), make(chan struct{})
	numbers := make(chan uint64, 100)
	follow, cancel := context.WithCancel(ctx)
	ended := make(chan error)
	go func() {
		ended <- n.Feed().Follow(follow, 0, &memory{before: func(b fhe.Batch) error {
			if b.Number == 1 {
				close(stuck)
				<-release
			}
			numbers <- b.Number
			return nil
		}})
	}()
	w.send(&nowhere, nil, 21_000)
	<-stuck
	for range 20 {
		w.send(&nowhere, nil, 21_000)
	}
	close(release)
	for want := range uint64(22) {
		if got := <-numbers; got != want {
			t.Fatalf("delivered block %d, want %d", got, want)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("follow ended with %v", err)
	}
}

func TestFeedResumes(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	for range 4 {
		w.send(&nowhere, nil, 21_000)
	}
	broken := errors.New("disk full")
	m := &memory{before: func(b fhe.Batch) error {
		if b.Number == 3 {
			return broken
		}
		return nil
	}}
	if err := n.Feed().Follow(ctx, 0, m); !errors.Is(err, broken) || len(m.held) != 3 {
		t.Fatalf("stopped after %d blocks with %v", len(m.held), err)
	}
	rest := collect(t, n.Feed(), 3, 4)
	if len(rest) != 2 || rest[0].Number != 3 {
		t.Errorf("resumed with %d blocks from %d", len(rest), rest[0].Number)
	}
}

// What was made of another chain is not undone: it is in the wrong place.
func TestFeedRefusesAnotherChain(t *testing.T) {
	n := open(t, "")
	err := n.Feed().Follow(ctx, 3, &memory{held: []fhe.Batch{{}, {Number: 1}, {Number: 2}}})
	if err == nil || !strings.Contains(err.Error(), "another chain") {
		t.Errorf("follow ended with %v", err)
	}
}

// Whatever a log of a system contract's address holds, reading it is an error
// or the very entry that it names.
func TestFeedRefusesWrongNames(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	r, _, _ := w.mint(w.deployToken(), w.Address)
	from := sources()
	checked := 0
	for _, l := range r.Logs {
		s, ok := from[sourceKey{l.Address, l.Topics[0]}]
		if !ok || s.event.Name != "Operation" && s.event.Name != "InputList" {
			continue
		}
		checked++
		for _, tampered := range tamper(l, s.event) {
			if got, err := entries(from, tampered); err == nil {
				t.Errorf("%s: tampered log gives %d entries", s.event.Name, len(got))
			}
		}
	}
	if checked < 2 {
		t.Fatalf("%d logs checked", checked)
	}
}

func tamper(l *types.Log, e abi.Event) (out []*types.Log) {
	for _, at := range []int{0, len(l.Data) / 2} {
		c := *l
		c.Data = slices.Clone(l.Data)
		c.Data[at] ^= 1
		out = append(out, &c)
	}
	named := *l
	named.Topics = slices.Clone(l.Topics)
	if e.Name == "Operation" {
		named.Topics[2][0] ^= 1
	} else {
		named.Topics[1][0] ^= 1
	}
	short := *l
	short.Data = l.Data[:len(l.Data)-32]
	return append(out, &named, &short)
}

func FuzzEntries(f *testing.F) {
	from := sources()
	for key, s := range from {
		data, err := s.event.Inputs.NonIndexed().Pack(example(s.event)...)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(key.topic[:], data)
	}
	f.Fuzz(func(t *testing.T, topic, data []byte) {
		for key, s := range from {
			l := &types.Log{Address: key.address, Data: data, Topics: []common.Hash{key.topic}}
			for range len(s.event.Inputs) - len(s.event.Inputs.NonIndexed()) {
				l.Topics = append(l.Topics, common.BytesToHash(topic))
			}
			got, err := entries(from, l)
			for _, e := range got {
				if err != nil || e.Operation != nil && !e.Operation.Result.Type().Valid() {
					t.Errorf("%s: %v, %+v", s.event.Name, err, e)
				}
			}
		}
	})
}

func example(e abi.Event) []any {
	switch e.Name {
	case "Operation":
		return []any{[32]byte{1}, []byte{2}}
	case "InputList":
		return []any{[]byte{3}}
	case "Allowed":
		return []any{[32]byte{4}}
	}
	return []any{[][32]byte{{5}, {6}}}
}
