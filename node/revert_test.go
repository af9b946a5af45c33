package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"testing"

	"fhevm/chain"
	"fhevm/contracts"
	"fhevm/coprocessor"
	"fhevm/fhe"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

// keepFollowing feeds c from where it left off until stop is called.
func keepFollowing(t *testing.T, f *chain.Feed, c *coprocessor.Coprocessor) (stop func()) {
	t.Helper()
	cursor, begun, err := c.Cursor()
	if err != nil {
		t.Fatal(err)
	}
	next := uint64(0)
	if begun {
		next = cursor.Number + 1
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := f.Follow(ctx, next, c); !errors.Is(err, context.Canceled) {
			t.Errorf("follow ended with %v", err)
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// journey is a chain that is undone at random, and a coprocessor that follows it
// at times and is killed at times.
type journey struct {
	*testing.T
	rng         *rand.Rand
	chain       *chain.Node
	feed        *chain.Feed
	disk        *vfs.MemFS
	coprocessor *coprocessor.Coprocessor
	stop        func()
	snapshots   []hexutil.Uint64
	seen        map[fhe.Handle]bool // what any block bound or wanted
}

// TestCoprocessorFollowsReverts: whatever a chain undid while its coprocessor
// followed, was down or was killed, in the end the coprocessor knows what one
// knows that only ever saw the chain as it is.
func TestCoprocessorFollowsReverts(t *testing.T) {
	known, undone := 0, 0
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			j := &journey{T: t, rng: rand.New(rand.NewPCG(seed, 9)), disk: vfs.NewCrashableMem(), stop: func() {}, seen: map[fhe.Handle]bool{}}
			j.chain = openChain(t, testNetwork().Genesis())
			j.feed = j.chain.Feed()
			j.coprocessor = openFollower(t, j.disk)
			for range 100 {
				j.step()
			}
			there := j.compare()
			known, undone = known+there, undone+len(j.seen)-there
		})
	}
	if known == 0 || undone == 0 {
		t.Errorf("%d handles are known in the end, %d are not: the journeys went nowhere", known, undone)
	}
}

func openFollower(t *testing.T, fs vfs.FS) *coprocessor.Coprocessor {
	t.Helper()
	c, err := coprocessor.Open(coprocessor.Config{Domain: testNetwork().Domain(), Dir: "db", FS: fs, Evaluator: unused{}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (j *journey) step() {
	switch j.rng.IntN(9) {
	case 0, 1, 2:
		j.deploy()
	case 3:
		j.call(nil, "hardhat_mine", 1+j.rng.IntN(3))
	case 4:
		var id hexutil.Uint64
		j.call(&id, "evm_snapshot")
		j.snapshots = append(j.snapshots, id)
	case 5:
		if len(j.snapshots) > 0 {
			at := j.rng.IntN(len(j.snapshots))
			j.call(nil, "evm_revert", j.snapshots[at])
			j.snapshots = j.snapshots[:at]
		}
	case 6:
		j.stop()
		j.stop = keepFollowing(j.T, j.feed, j.coprocessor)
	case 7:
		j.stop()
		j.stop = func() {}
	case 8:
		j.kill()
	}
}

// kill loses what had not reached the disk, in the middle of things.
func (j *journey) kill() {
	left := j.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: j.rng.IntN(101), RNG: j.rng})
	j.stop()
	if err := j.coprocessor.Close(); err != nil {
		j.Fatal(err)
	}
	j.disk, j.stop = left, func() {}
	j.coprocessor = openFollower(j.T, left)
}

func (j *journey) call(result any, method string, args ...any) {
	j.Helper()
	if err := j.chain.Client().Client().CallContext(j.Context(), result, method, args...); err != nil {
		j.Fatalf("%s: %v", method, err)
	}
}

// deploy sends a transaction that orders an operation and wants its result.
func (j *journey) deploy() {
	j.Helper()
	code, err := chain.CreationCode(contracts.ConfidentialToken, "Token", "TKN")
	if err != nil {
		j.Fatal(err)
	}
	j.call(nil, "eth_sendTransaction", map[string]any{"from": chain.DevAccounts()[0].Address, "data": hexutil.Bytes(code)})
	j.note()
}

// note remembers what the last block says.
func (j *journey) note() {
	for _, b := range blocksOf(j.T, j.chain) {
		for _, e := range b.Entries {
			if e.Operation != nil {
				j.seen[e.Operation.Result] = true
			}
			if e.Wanted != nil {
				j.seen[*e.Wanted] = true
			}
		}
	}
}

// blocksOf lists the chain's blocks.
func blocksOf(t *testing.T, n *chain.Node) (list recorder) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f, ended := n.Feed(), make(chan struct{})
	go func() {
		defer close(ended)
		f.Follow(ctx, 0, &list)
	}()
	if err := f.Reach(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-ended
	return list
}

// recorder is a sink of a chain that stands still.
type recorder []fhe.Batch

func (r *recorder) Append(b fhe.Batch) error {
	*r = append(*r, b)
	return nil
}

func (r *recorder) Revert(uint64) error { return errors.New("the chain stands still") }

func (r *recorder) BlockHash(number uint64) (fhe.Digest, bool, error) {
	if number >= uint64(len(*r)) {
		return fhe.Digest{}, false, nil
	}
	return (*r)[number].Hash, true, nil
}

// compare returns how many of the handles that were seen are there in the end.
func (j *journey) compare() (there int) {
	j.Helper()
	j.stop()
	j.stop = keepFollowing(j.T, j.feed, j.coprocessor)
	if err := j.feed.Reach(j.Context()); err != nil {
		j.Fatal(err)
	}
	j.stop()
	fresh := openFollower(j.T, vfs.NewMem())
	defer fresh.Close()
	defer j.coprocessor.Close()
	for _, b := range blocksOf(j.T, j.chain) {
		if err := fresh.Append(b); err != nil {
			j.Fatal(err)
		}
	}
	got, _, err := j.coprocessor.Cursor()
	want, _, other := fresh.Cursor()
	if err = errors.Join(err, other); err != nil || got != want {
		j.Errorf("the cursor is %+v, want %+v, %v", got, want, err)
	}
	for h := range j.seen {
		got, err := j.coprocessor.Status(h)
		want, other := fresh.Status(h)
		if err = errors.Join(err, other); err != nil || !reflect.DeepEqual(got, want) {
			j.Errorf("status %+v, want %+v, %v", got, want, err)
		}
		if want.State != coprocessor.Unknown {
			there++
		}
	}
	return there
}
