package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fhevm/threshold"
)

// recompute has a party follow the chain by a node of its own, and take its word alone.
func (p *parties) recompute(id threshold.PartyID) *node {
	p.t.Helper()
	folder := filepath.Join(p.own(id), "own")
	address := newCoprocessor(p.t, folder)
	own := p.attach(p.node, folder)
	p.running[id].stop()
	p.running[id] = startParty(own, p.identity(id), string(p.folder), filepath.Join(p.own(id), "data"), "--own-coprocessor", address)
	return own
}

// newCoprocessor makes the signer of one more node.
func newCoprocessor(t *testing.T, folder string) (address string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(mustRun(t, "coprocessor", "--network", folder))
}

// attach runs one more node, which computes everything that n's chain orders.
func (p *parties) attach(n *node, folder string, args ...string) *node {
	n.t.Helper()
	for _, name := range []string{"public.key", "evaluation.key", "random.key", "squash.key", "network.json"} {
		if err := os.Link(filepath.Join(string(p.folder), name), filepath.Join(folder, name)); err != nil && !os.IsExist(err) {
			n.t.Fatal(err)
		}
	}
	return serve(n.t, append([]string{"attach", "--rpc", n.info.RPC, "--network", folder}, args...)...)
}

// TestPolicy: parties take what two of three coprocessors have computed, and the word
// of one alone never.
func TestPolicy(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "second")
	p := deal(t, "--coprocessor", newCoprocessor(t, folder), "--coprocessor", newCoprocessor(t, filepath.Join(dir, "third")))
	n := startDev(t, "--network", string(p.folder))
	if _, said, err := run(t, "party", "run", "--identity", p.identity(1), "--network", string(p.folder), "--data", filepath.Join(dir, "data"),
		"--rpc", n.info.RPC, "--api", n.info.API); err == nil || !strings.Contains(said, "needs the word of 2 coprocessors, and 1 nodes are to be asked") {
		t.Errorf("a party that asks one node: %v, %s", err, said)
	}
	data := []string{"--data", filepath.Join(dir, "second-data")}
	second := p.attach(n, folder, data...)
	for _, m := range p.members {
		p.running[m.Party] = startParty(n, p.identity(m.Party), string(p.folder), filepath.Join(p.own(m.Party), "data"), "--api", second.info.API)
	}
	p.token = deploy(n)
	p.step("two agree, the third is away", func() {
		p.mint(alice, 1000)
		p.transfer(alice, bob, 300)
		p.check(ledger{alice.Address: 700, bob.Address: 300})
		p.wantSupply(1000)
	})
	p.step("one is left", func() {
		second.kill()
		p.mint(carol, 1)
		if v, err := p.reveal(carol); codeOf(err) != threshold.NotReady || !strings.Contains(err.Error(), "coprocessor does not answer: ask again") {
			t.Errorf("by the word of one coprocessor: %d, %v", v, err)
		}
	})
	p.step("it comes back", func() {
		p.attach(n, folder, append(data, "--api", strings.TrimPrefix(second.info.API, "http://"))...)
		p.eventually("two agree again", func() bool {
			v, err := p.reveal(carol)
			return err == nil && v == 1
		})
		p.wantSupply(1001)
	})
}
