package chain

import (
	"bufio"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
)

// The environment tells a test process that it is the child to be killed, and
// after how many blocks it kills itself (0: it waits to be killed).
const crashDir, crashAfter = "CHAIN_TEST_CRASH_DIR", "CHAIN_TEST_CRASH_AFTER"

// TestCrashChild is the process that TestKillLosesNothing kills. It mints
// a confidential token, goes on with transfers, prints each block when its transaction returns, and
// appends each batch of the feed to a file as its cursor.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv(crashDir)
	if dir == "" {
		return
	}
	n := open(t, dir)
	cursor, err := os.OpenFile(filepath.Join(dir, "cursor"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	go n.Feed().Follow(ctx, 0, &memory{before: func(b fhe.Batch) error {
		_, err := fmt.Fprintln(cursor, b.Number, b.Hash)
		return err
	}})
	w := newWallet(t, n, 0)
	at := w.deployToken()
	w.mint(at, w.Address)
	after, _ := strconv.Atoi(os.Getenv(crashAfter))
	for i := 1; ; i++ { // small blocks, which a write-ahead log keeps in memory for long
		r := w.send(&nowhere, nil, 21_000)
		fmt.Println(r.BlockNumber, r.BlockHash)
		if i == after {
			self, _ := os.FindProcess(os.Getpid())
			self.Kill()
		}
	}
}

// Whatever a client was told, or a follower of the feed saw, survives the
// process being killed at any moment.
func TestKillLosesNothing(t *testing.T) {
	for name, after := range map[string]int{"between blocks": 3, "at any moment": 0} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			number, hash := crash(t, dir, after)
			n := open(t, dir)
			checkSurvived(t, n, number, hash)
			last := checkCursor(t, n, filepath.Join(dir, "cursor"))
			head := newWallet(t, n, 1).send(&nowhere, nil, 21_000).BlockNumber.Uint64()
			for i, b := range collect(t, n.Feed(), last+1, head) {
				if b.Number != last+1+uint64(i) {
					t.Errorf("after the restart block %d follows %d", b.Number, last+uint64(i))
				}
			}
		})
	}
}

// crash runs a child that kills itself after some blocks, or is killed while it
// makes further ones, and returns the last block that it reported.
func crash(t *testing.T, dir string, after int) (number uint64, hash string) {
	t.Helper()
	reported := runChild(t, "TestCrashChild", 40, crashDir+"="+dir, crashAfter+"="+strconv.Itoa(after))
	if _, err := fmt.Sscan(reported[len(reported)-1], &number, &hash); err != nil {
		t.Fatalf("the child says %q", reported)
	}
	return number, hash
}

// runChild runs a test of this binary as a process that does not end by itself,
// kills it after that many lines of output and returns what it said until then.
func runChild(t *testing.T, test string, lines int, env ...string) (said []string) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^"+test+"$", "-test.timeout=10m")
	child.Env = append(os.Environ(), env...)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		if said = append(said, scanner.Text()); len(said) == lines {
			child.Process.Kill()
		}
	}
	if err := child.Wait(); err == nil || len(said) < 3 {
		t.Fatalf("the child ended with %v after %d lines", err, len(said))
	}
	return said
}

// undoDir is crashDir of the child that undoes blocks.
const undoDir = "CHAIN_TEST_UNDO_DIR"

// TestUndoChild is the process that TestKillWhileUndoing kills. In each round it
// makes four blocks, undoes three and says which.
func TestUndoChild(t *testing.T) {
	dir := os.Getenv(undoDir)
	if dir == "" {
		return
	}
	n := open(t, dir)
	for {
		stays := newWallet(t, n, 0).send(&nowhere, nil, 21_000)
		id := takeSnapshot(t, n)
		var undone []*types.Receipt
		w := newWallet(t, n, 0)
		for range 3 {
			undone = append(undone, w.send(&nowhere, nil, 21_000))
		}
		revertTo(t, n, id)
		fmt.Println(stays.BlockNumber, stays.BlockHash, undone[0].BlockHash, undone[1].BlockHash, undone[2].BlockHash)
	}
}

// What a client was told to be undone stays undone when the process is killed at
// any moment, and what was to stay stays.
func TestKillWhileUndoing(t *testing.T) {
	for _, rounds := range []int{3, 8, 13} {
		dir := t.TempDir()
		said := runChild(t, "TestUndoChild", rounds, undoDir+"="+dir)
		n := open(t, dir)
		for _, line := range said {
			number, stays, undone := uint64(0), "", [3]string{}
			if _, err := fmt.Sscan(line, &number, &stays, &undone[0], &undone[1], &undone[2]); err != nil {
				t.Fatalf("the child says %q", line)
			}
			checkSurvived(t, n, number, stays)
			for _, hash := range undone {
				if h, err := n.Client().HeaderByHash(ctx, common.HexToHash(hash)); !isMissing(err) {
					t.Errorf("undone block %s is there: %v, %v", hash, h, err)
				}
			}
		}
		above := head(t, n).Number.Uint64() + 1
		if left := rawdb.ReadAllHashes(n.eth.ChainDb(), above); len(left) > 0 {
			t.Errorf("above the head there is %v", left)
		}
		if r := newWallet(t, n, 0).send(&nowhere, nil, 21_000); r.BlockNumber.Uint64() != above {
			t.Errorf("the next block is %d, want %d", r.BlockNumber, above)
		}
	}
}

func checkSurvived(t *testing.T, n *Node, number uint64, hash string) {
	t.Helper()
	final, err := n.Client().HeaderByNumber(ctx, big.NewInt(int64(rpc.FinalizedBlockNumber)))
	if err != nil || final.Number.Uint64() < number {
		t.Fatalf("final block is %d, %v; block %d was reported", final.Number, err, number)
	}
	got, err := n.Client().HeaderByNumber(ctx, new(big.Int).SetUint64(number))
	if err != nil || got.Hash() != common.HexToHash(hash) {
		t.Errorf("block %d is %v, %v, want %s", number, got, err, hash)
	}
	nonce, err := n.Client().NonceAt(ctx, DevAccounts()[0].Address, nil)
	if err != nil || nonce != final.Number.Uint64() {
		t.Errorf("the state is after %d transactions, %v; the head is %d", nonce, err, final.Number)
	}
}

// checkCursor demands that every batch that the follower stored is on the
// chain, each number once and in order, and returns the last.
func checkCursor(t *testing.T, n *Node, file string) (last uint64) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	for i, line := range lines {
		var hash fhe.Digest
		text := ""
		if _, err := fmt.Sscan(line, &last, &text); err != nil || last != uint64(i) {
			t.Fatalf("line %d of the cursor is %q, %v", i, line, err)
		}
		if err := hash.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		header, err := n.Client().HeaderByNumber(ctx, new(big.Int).SetUint64(last))
		if err != nil || fhe.Digest(header.Hash()) != hash {
			t.Errorf("block %d of the cursor is %s, on the chain it is %v, %v", last, hash, header, err)
		}
	}
	return last
}
