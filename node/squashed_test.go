package node

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fhevm/chain"
	"fhevm/coprocessor"
	"fhevm/fhe"
	"fhevm/fhe/radix"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/eip712"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/holiman/uint256"
)

// unused is an evaluator for a coprocessor that never runs.
type unused struct{}

func (unused) Eval(context.Context, fhe.Op, fhe.Type, ...radix.Operand) ([]*radix.Ciphertext, error) {
	return nil, errors.New("not expected")
}

func (unused) Random(context.Context, [32]byte, fhe.Type, *uint256.Int) (*radix.Ciphertext, error) {
	return nil, errors.New("not expected")
}

func (unused) Lookup(context.Context, []uint16, fhe.Type, ...*radix.Ciphertext) (*radix.Ciphertext, error) {
	return nil, errors.New("not expected")
}

func (unused) Pack(...*radix.Ciphertext) (*radix.Packed, error) {
	return nil, errors.New("not expected")
}

func (unused) Unpack(context.Context, *radix.Packed, int, fhe.Digest) (*radix.Ciphertext, error) {
	return nil, errors.New("not expected")
}

func (unused) Expand(context.Context, *fhe.InputList) ([]*radix.Ciphertext, error) {
	return nil, errors.New("not expected")
}

// partyKey signs for party 1.
var partyKey = secp256k1.PrivKeyFromBytes([]byte{31: 5})

// pendingNode is a node whose coprocessor has followed the chain and is never
// done with the handle that it wants.
func pendingNode(t *testing.T) (*Node, fhe.Handle) {
	t.Helper()
	n := newNode(Config{})
	n.network = testNetwork()
	n.epochs = newEpochs("", n.network, nil)
	n.network.Committee.Members[0].Signer = eip712.AddressOf(partyKey.PubKey())
	n.chain = openChain(t, n.network.Genesis())
	var err error
	n.coprocessor, err = coprocessor.Open(coprocessor.Config{Domain: n.Domain(), Dir: "db", FS: vfs.NewMem(), Evaluator: unused{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.coprocessor.Close() })
	d := fhe.Derivation{Domain: n.Domain(), Op: fhe.Trivial, Type: fhe.Uint8, Operands: []fhe.Operand{fhe.ClearOperand(uint256.NewInt(7))}}
	first := d.Results()[0]
	h := first.Handle
	n.feed = chain.NewFeed(script{{Entries: []fhe.Entry{
		{Operation: &fhe.Operation{Result: h, Digest: first.Digest, Derivation: d}}, {Wanted: &h},
	}}})
	t.Cleanup(keepFollowing(t, n.feed, n.coprocessor))
	if err := n.feed.Reach(t.Context()); err != nil {
		t.Fatal(err)
	}
	return n, h
}

// script is a chain that has these blocks and gets no more.
type script []fhe.Batch

func (script) Changed() <-chan struct{}               { return nil }
func (s script) Last(context.Context) (uint64, error) { return uint64(len(s) - 1), nil }

func (s script) Hash(_ context.Context, number uint64) (fhe.Digest, error) {
	return s[number].Hash, nil
}

func (s script) Batch(_ context.Context, number uint64) (b fhe.Batch, parent fhe.Digest, err error) {
	if number > 0 {
		parent = s[number-1].Hash
	}
	return s[number], parent, nil
}

// TestSquashedDoesNotWait: a party that asks for what is not computed yet is
// told so at once, in this process as elsewhere.
func TestSquashedDoesNotWait(t *testing.T) {
	n, pending := pendingNode(t)
	unknown := pending
	unknown[0]++
	for h, want := range map[fhe.Handle]threshold.Code{pending: threshold.NotReady, unknown: threshold.UnknownHandle} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		r := committee.NewSquashRequest(n.Domain(), n.network.Committee.Epoch, 1, partyKey, h)
		_, err := n.Squashed(ctx, r)
		if got := threshold.FaultOf("node", err); got.Code != want || ctx.Err() != nil {
			t.Errorf("got %v, %v, want %s before the context ends", err, ctx.Err(), want)
		}
		if got := newAPI(n, nil).call(ctx, "POST", routeParty, r); got != map[threshold.Code]string{threshold.NotReady: "503 not_ready", threshold.UnknownHandle: "400 unknown_handle"}[want] {
			t.Errorf("over HTTP: %s", got)
		}
	}
}

// TestSquashBusy: a full queue reaches the wallet as what it is.
func TestSquashBusy(t *testing.T) {
	err := fault(&committee.SquashRequest{}, coprocessor.ErrBusy)
	if got := threshold.FaultOf("node", err); got.Code != threshold.Busy || httpStatus(got.Code) != 429 {
		t.Errorf("got %+v", got)
	}
}

// TestCoprocessorAway: the log has a line when a coprocessor goes away and one when it is
// back, however often a party asks.
func TestCoprocessorAway(t *testing.T) {
	var away atomic.Bool
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if away.Load() {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer srv.Close()
	var log bytes.Buffer
	s := &remoteSquasher{base: srv.URL, log: slog.New(slog.NewTextHandler(&log, nil))}
	for _, gone := range []bool{true, true, true, false, false, true} {
		away.Store(gone)
		_, err := s.Squashed(t.Context(), &committee.SquashRequest{})
		if gone != (threshold.FaultOf("node", err).Code == threshold.NotReady) {
			t.Errorf("away is %v: %v", gone, err)
		}
	}
	if away, back := strings.Count(log.String(), "does not answer"), strings.Count(log.String(), "answers again"); away != 2 || back != 1 {
		t.Errorf("away %d times and back %d times, want 2 and 1:\n%s", away, back, &log)
	}
}
