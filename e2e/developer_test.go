package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common/hexutil"
)

// inspect asks the node for the value of any handle.
func (n *node) inspect(h fhe.Handle) (uint64, error) {
	n.t.Helper()
	var v hexutil.Uint64
	err := n.chain.Client().CallContext(n.ctx, &v, "fhevm_decryptHandle", h)
	return uint64(v), err
}

// TestDecryptHandle: a developer reads values on which no user has a right, as
// soon as they are computed; the users' own decryptions stay as strict.
func TestDecryptHandle(t *testing.T) {
	n := startDev(t)
	k := deploy(n)
	k.mint(bob, 1000)
	k.transfer(bob, carol, 300)
	for name, c := range map[string]struct {
		handle fhe.Handle
		want   uint64
	}{
		"supply": {k.read("confidentialTotalSupply"), 1000}, "bob": {k.balanceOf(bob), 700}, "carol": {k.balanceOf(carol), 300},
	} {
		if got, err := n.inspect(c.handle); err != nil || got != c.want {
			t.Errorf("%s: %d, %v, want %d", name, got, err, c.want)
		}
	}
	if _, err := n.wallet.UserDecrypt(n.ctx, n.permit(eve, tokenAddress, k.balanceOf(bob))); err == nil {
		t.Error("a stranger reads a balance")
	}
	if _, err := n.wallet.PublicDecrypt(n.ctx, k.balanceOf(bob)); err == nil {
		t.Error("a balance is public")
	}
	if _, err := n.inspect(fhe.Handle{1}); err == nil || !strings.Contains(err.Error(), "no block") {
		t.Errorf("a handle that nobody made: %v", err)
	}
}

// TestExitWithInput: a node whose starter is gone ends by itself, and well.
func TestExitWithInput(t *testing.T) {
	config := filepath.Join(t.TempDir(), "dev.json")
	cmd := exec.CommandContext(limit(t), program, "dev", "--exit-with-stdin", "--rpc", "127.0.0.1:0", "--api", "127.0.0.1:0", "--config-out", config)
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for _, err := os.Stat(config); err != nil; _, err = os.Stat(config) {
		select {
		case err := <-ended:
			t.Fatalf("the node ended while its input was open: %v", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	input.Close()
	if err := <-ended; err != nil {
		t.Errorf("the node ended with %v", err)
	}
}
