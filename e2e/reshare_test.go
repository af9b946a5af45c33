package e2e

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fhevm/contracts"
	"fhevm/node/network"
	"fhevm/sdk/client"
	"fhevm/threshold"
	"fhevm/threshold/committee"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

// foundDev is found with the development keys: the parties' shares are sealed
// anew with addresses at which the parties can be reached.
func foundDev(t *testing.T) *parties {
	t.Helper()
	dev, err := network.DevFolder()
	if err != nil {
		t.Fatal(err)
	}
	if err := dev.DealDev(func(string, int, int) {}); err != nil {
		t.Fatal(err)
	}
	p := &parties{dir: t.TempDir(), running: map[threshold.PartyID]*process{}}
	p.folder = network.Folder(filepath.Join(p.dir, "network"))
	p.move(t, dev)
	n := startDev(t, "--network", string(p.folder))
	for _, m := range p.members {
		p.start(n, m.Party)
	}
	p.token = deploy(n)
	return p
}

// move makes the network's folder from the one with development keys.
func (p *parties) move(t *testing.T, dev network.Folder) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	d, err := dev.Description()
	must(err)
	must(os.Mkdir(string(p.folder), 0o700))
	old := *d
	d.Committee.Members = append([]threshold.Member(nil), d.Committee.Members...)
	for i, address := range freeAddresses(t, len(d.Committee.Members)) {
		d.Committee.Members[i].Address = address
	}
	p.members = d.Committee.Members
	for _, m := range p.members {
		keys, err := committee.LoadIdentity(dev.IdentityFile(m.Party))
		must(err)
		must(os.Mkdir(p.own(m.Party), 0o700))
		must(network.WriteIdentity(p.identity(m.Party), keys))
		secret, err := dev.Secret(&old, m.Party, keys)
		must(err)
		secret.Committee = &d.Committee
		must(committee.SaveSecret(p.folder.ShareFile(m.Party), secret))
	}
	for _, name := range []string{"public.key", "evaluation.key", "random.key", "squash.key", "node.identity"} {
		must(os.Symlink(filepath.Join(string(dev), name), filepath.Join(string(p.folder), name)))
	}
	b, err := json.Marshal(d)
	must(err)
	must(os.WriteFile(filepath.Join(string(p.folder), "network.json"), b, 0o600))
}

// reshare restarts parties so that they begin an epoch.
func (p *parties) reshare(ids []threshold.PartyID, args ...string) {
	p.t.Helper()
	for _, id := range ids {
		if old := p.running[id]; old != nil {
			old.stop()
		}
		p.running[id] = start(p.t, append([]string{"party", "reshare", "--identity", p.identity(id), "--network", string(p.folder),
			"--data", filepath.Join(p.own(id), "data"), "--rpc", p.info.RPC, "--api", p.info.API}, args...)...)
	}
}

// say waits until parties have said something.
func (p *parties) say(ids []threshold.PartyID, words string) {
	p.t.Helper()
	for _, id := range ids {
		p.running[id].await(words, func() bool { return strings.Contains(p.running[id].output(), words) })
	}
}

// govern has the owner send what the command prints.
func (p *parties) govern(args ...string) {
	p.t.Helper()
	var call struct {
		To   common.Address
		Data hexutil.Bytes
	}
	p.must(json.Unmarshal([]byte(mustRun(p.t, append([]string{"epoch"}, append(args, "--network", string(p.folder))...)...)), &call))
	p.send(alice, call.To, call.Data)
}

// renew gets the network's present parameters, as a wallet does.
func (p *parties) renew() {
	p.t.Helper()
	var err error
	p.wallet, err = client.Dial(p.ctx, p.info.API)
	p.must(err)
}

func (p *parties) wantEpoch(want uint64) {
	p.t.Helper()
	registry, at := parsed(contracts.KeyRegistry), common.Address(contracts.KeyRegistryAddress)
	out, err := p.chain.CallContract(p.ctx, ethereum.CallMsg{To: &at, Data: pack(registry, "currentEpoch")}, nil)
	p.must(err)
	if got := common.BytesToHash(out).Big().Uint64(); got != want {
		p.t.Errorf("the registry has epoch %d in force, want %d", got, want)
	}
	if got := p.wallet.Parameters().Committee.Epoch.Number; got != want {
		p.t.Errorf("wallets are told epoch %d, want %d", got, want)
	}
}

func (p *parties) wantErased(path string) {
	p.t.Helper()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		p.t.Errorf("%s is still there: %v", path, err)
	}
}

// TestReshare: a committee refreshes its shares, then replaces one of its members, and
// another loses its machine. The same handles decrypt in every epoch, in the old one until it is
// retired, and nothing of it is left then.
func TestReshare(t *testing.T) {
	p := foundDev(t)
	all := []threshold.PartyID{1, 2, 3, 4}
	p.mint(alice, 1000)
	p.transfer(alice, bob, 300)
	want := ledger{alice.Address: 700, bob.Address: 300}
	p.step("first epoch", func() { p.check(want) })
	p.step("refresh", func() {
		p.reshare(all, "--epoch", "2")
		p.say(all, "epoch 2 is ready")
		p.check(want)
		p.wantEpoch(1)
	})
	p.step("killed, they still have it", func() {
		p.running[2].kill()
		delete(p.running, 2)
		p.reshare(all[1:2], "--epoch", "2")
		p.say(all[1:2], "epoch 2 is ready")
	})
	p.step("activate", func() {
		p.govern("activate", "--epoch", "2")
		p.say(all, "of epoch 2 is in force")
		p.check(want) // by a wallet that has not heard of it
		p.renew()
		p.wantEpoch(2)
		p.check(want)
	})
	p.step("retire", func() {
		p.govern("retire", "--epoch", "1")
		p.say(all, "epoch 1 is retired")
		for _, id := range all {
			p.wantErased(p.folder.ShareFile(id))
			p.wantErased(filepath.Join(p.own(id), "data", "reshare-2", "attempt-1", "new.journal"))
		}
		p.check(want)
		p.wantSupply(1000)
	})
	p.step("another member", func() { p.replace(want) })
	p.step("a member is restored in its third epoch", func() { p.comeBack(want) })
}

// replace puts party 5, a newcomer, in the place of party 4.
func (p *parties) replace(want ledger) {
	p.t.Helper()
	plan := []string{"party", "plan", "--network", string(p.folder), "--out", filepath.Join(p.dir, "next.json")}
	mustRun(p.t, "party", "init", "--out", p.own(5), "--address", freeAddresses(p.t, 1)[0])
	for i, m := range p.members {
		path := filepath.Join(p.own(m.Party), "party.json")
		b, err := json.Marshal(m)
		p.must(err)
		p.must(os.WriteFile(path, b, 0o600))
		if i == 3 {
			path = filepath.Join(p.own(5), "party.json")
		}
		plan = append(plan, "--party", path)
	}
	mustRun(p.t, plan...)
	everyone := []threshold.PartyID{1, 2, 3, 4, 5}
	p.reshare(everyone, "--to", filepath.Join(p.dir, "next.json"))
	p.say(everyone, "epoch 3 is ready")
	p.govern("activate", "--epoch", "3")
	p.say([]threshold.PartyID{1, 2, 3, 5}, "of epoch 3 is in force")
	p.renew()
	p.wantEpoch(3)
	p.govern("retire", "--epoch", "2")
	p.say([]threshold.PartyID{1, 2, 3, 4}, "epoch 2 is retired")
	p.wantErased(filepath.Join(p.own(4), "data", "reshare-3", "attempt-1", "old.journal"))
	p.running[4].stop()
	p.running[1].kill() // so that the newcomer is needed
	p.check(want)
}
