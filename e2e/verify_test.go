package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"testing"
)

// finding is a line of fhevm-node verify --json, as far as it is looked at.
type finding struct {
	Operation string
	Agrees    bool
	Claim     struct{ Signer string }
	Operands  []any
	Error     string
}

func (n *node) verify(args ...string) (all []finding) {
	n.t.Helper()
	cmd := exec.CommandContext(n.ctx, program, append([]string{"verify", "--json", "--rpc", n.info.RPC, "--api", n.info.API}, args...)...)
	out, err := cmd.Output()
	n.must(err)
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var f finding
		n.must(json.Unmarshal(lines.Bytes(), &f))
		all = append(all, f)
	}
	return all
}

// TestVerify has another process compute again what a node has computed: all of it
// from the chain's inputs, then what the last block asked for, from what the node
// signs for its operands.
func TestVerify(t *testing.T) {
	k := deploy(startDev(t))
	k.mint(alice, 1000)
	k.transfer(alice, bob, 300)
	k.check(ledger{alice.Address: 700, bob.Address: 300})
	head, err := k.chain.BlockNumber(k.ctx)
	k.must(err)

	operands := func(all []finding) (n int) {
		for _, f := range all {
			if !f.Agrees || f.Error != "" || f.Claim.Signer == "" {
				t.Errorf("%+v", f)
			}
			n += len(f.Operands)
		}
		return n
	}
	whole := k.verify()
	if len(whole) < 5 || operands(whole) > 0 {
		t.Errorf("%d handles verified, on %d claims", len(whole), operands(whole))
	}
	last := k.verify("--from", fmt.Sprint(head), "--sample", "0.999999")
	if len(last) == 0 || len(last) >= len(whole) || operands(last) == 0 {
		t.Errorf("%d of %d handles in the last block, on %d claims", len(last), len(whole), operands(last))
	}
}
