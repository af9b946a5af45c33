package e2e

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/node/network"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/dealer"
	"fhevm/threshold/identity"
)

// deployment of a committee: four parties in processes of their own, a node
// that holds none of their secrets, and the token.
type parties struct {
	*token
	dir     string // of everything
	folder  network.Folder
	members []threshold.Member
	running map[threshold.PartyID]*process
}

// found deals a network to parties and starts everything, as its operators would.
func found(t *testing.T) *parties {
	t.Helper()
	p := deal(t)
	n := startDev(t, "--network", string(p.folder))
	for _, m := range p.members {
		p.start(n, m.Party)
	}
	p.token = deploy(n)
	return p
}

// deal makes the parties' identities, and deals a network to them.
func deal(t *testing.T, args ...string) *parties {
	t.Helper()
	p := &parties{dir: t.TempDir(), running: map[threshold.PartyID]*process{}}
	p.folder = network.Folder(filepath.Join(p.dir, "network"))
	keygen := append([]string{"keygen", "--out", string(p.folder)}, args...)
	for i, address := range freeAddresses(t, 4) {
		own := p.own(threshold.PartyID(i + 1))
		mustRun(t, "party", "init", "--out", own, "--address", address)
		keygen = append(keygen, "--party", filepath.Join(own, "party.json"))
	}
	mustRun(t, keygen...)
	description, err := p.folder.Description()
	if err != nil {
		t.Fatal(err)
	}
	p.members = description.Committee.Members
	return p
}

// own is the folder of a party's own files.
func (p *parties) own(id threshold.PartyID) string {
	return filepath.Join(p.dir, fmt.Sprintf("party-%d", id))
}

func (p *parties) identity(id threshold.PartyID) string {
	return filepath.Join(p.own(id), "party.identity")
}

// start runs a party until it serves.
func (p *parties) start(n *node, id threshold.PartyID) {
	n.t.Helper()
	p.running[id] = startParty(n, p.identity(id), string(p.folder), filepath.Join(p.own(id), "data"))
}

// startParty runs a party until it serves its committee and its operator.
func startParty(n *node, identity, folder, data string, more ...string) *process {
	n.t.Helper()
	party := start(n.t, append([]string{"party", "run", "--identity", identity, "--network", folder, "--data", data,
		"--rpc", n.info.RPC, "--api", n.info.API, "--metrics", "127.0.0.1:0"}, more...)...)
	party.await("the party to serve", func() bool { return strings.Contains(party.output(), "metrics at") })
	return party
}

// freeAddresses finds addresses that nobody listens at. A committee's addresses
// are part of its description, so they must be known before its parties run, and
// stay free while one is away. That is why they are not the system's choice: it
// might give them to the next process that asks. It gives none below 32768.
func freeAddresses(t *testing.T, n int) (out []string) {
	t.Helper()
	for len(out) < n {
		address := fmt.Sprintf("127.0.0.1:%d", 12_000+rand.IntN(20_000))
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		defer l.Close()
		out = append(out, address)
	}
	return out
}

// TestCommittee walks one network through what can happen to its parties.
func TestCommittee(t *testing.T) {
	p := found(t)
	p.mint(alice, 1000)
	p.transfer(alice, bob, 300)
	p.transfer(alice, bob, 10_000) // more than there is: moves zero
	want := ledger{alice.Address: 700, bob.Address: 300}

	p.step("all parties", func() {
		p.check(want)
		p.wantSupply(1000)
	})
	p.step("strangers are refused", p.refuseStrangers)
	p.step("one party silent", func() {
		p.running[3].signal(syscall.SIGSTOP)
		p.check(want)
		p.running[3].signal(syscall.SIGCONT)
	})
	p.step("one party dead", func() {
		p.running[4].kill()
		p.check(want)
		p.mint(carol, 1)
		p.wantSupply(1001)
	})
	p.step("it comes back, and is needed", func() {
		p.start(p.node, 4)
		p.running[1].kill()
		p.eventually("party 4 counts again", func() bool {
			v, err := p.reveal(alice)
			return err == nil && v == 700
		})
		p.start(p.node, 1)
	})
	p.step("one recomputes by a node of its own, and is needed", func() {
		own := p.recompute(3)
		p.running[1].kill()
		p.eventually("party 3 counts again", func() bool {
			v, err := p.reveal(alice)
			return err == nil && v == 700
		})
		p.mint(carol, 1)
		p.wantSupply(1002)
		if said := p.running[3].output(); strings.Contains(said, "level=ERROR") {
			t.Errorf("its own node and it disagree: %s", said)
		}
		p.running[3].stop()
		own.stop()
		p.start(p.node, 3)
		p.start(p.node, 1)
	})
	p.step("one party lies", func() {
		p.corrupt(2)
		p.wantLiar(2, 700)
		p.check(want)
		p.mint(carol, 1)
		p.wantSupply(1003)
	})
	p.step("one lies and one is dead", func() {
		p.running[3].kill()
		v, err := p.reveal(bob)
		if err == nil || !strings.Contains(err.Error(), "no 3 of them agree") {
			t.Errorf("two faults of four: balance %d, %v", v, err)
		}
	})
	p.step("two parties dead", func() {
		p.running[2].kill()
		p.wantUnavailable()
	})
}

// wantSupply opens the total supply, which no party has seen before.
func (p *parties) wantSupply(want uint64) {
	p.t.Helper()
	if got, err := p.supply(); err != nil || got != want {
		p.t.Errorf("total supply is %d, want %d: %v", got, want, err)
	}
}

// eventually repeats a request until it comes out: connections to a party that
// was away are tried again after a pause only.
func (p *parties) eventually(what string, done func() bool) {
	p.t.Helper()
	for end := time.Now().Add(5 * time.Minute); !done(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// refuseStrangers: nobody reads what is not theirs, neither through the node
// nor from a party, and parties speak to nobody whom the committee's
// description does not name.
func (p *parties) refuseStrangers() {
	request := p.permit(eve, tokenAddress, p.balanceOf(alice))
	if _, err := p.wallet.UserDecrypt(p.ctx, request); codeOf(err) != threshold.NotAllowed {
		p.t.Errorf("eve asks for alice's balance: %v", err)
	}
	relay, err := p.folder.NodeIdentity()
	p.must(err)
	for _, m := range p.members {
		for name, c := range map[string]struct {
			caller *identity.Identity
			ask    func(committee.Service) error
			want   string
		}{
			"a stranger's request": {relay, func(s committee.Service) error {
				_, err := s.UserDecrypt(p.ctx, &request.Request)
				return err
			}, "may not read handle"},
			"a relay after bare shares": {relay, func(s committee.Service) error {
				_, err := s.Share(p.ctx, &committee.ShareRequest{Handles: []fhe.Handle{p.balanceOf(alice)}, From: 1})
				return err
			}, "shares are for the other parties"},
		} {
			client, err := committee.Dial(m, c.caller)
			p.must(err)
			if err := c.ask(client); err == nil || !strings.Contains(err.Error(), c.want) {
				p.t.Errorf("party %d, %s: got %v, want %q", m.Party, name, err, c.want)
			}
			p.must(client.Close())
		}
		p.refuseConnection(m)
	}
}

// refuseConnection: a caller with a certificate that the committee's
// description does not name, or with none, is cut off before it can ask.
func (p *parties) refuseConnection(m threshold.Member) {
	p.t.Helper()
	stranger, err := identity.Generate()
	p.must(err)
	for _, own := range [][]tls.Certificate{nil, {stranger.TLS}} {
		conn, err := tls.Dial("tcp", m.Address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}, Certificates: own})
		p.must(err)
		conn.SetReadDeadline(time.Now().Add(5 * time.Minute))
		_, err = conn.Read(make([]byte, 1))
		if alert := new(net.OpError); !errors.As(err, &alert) || alert.Op != "remote error" {
			p.t.Errorf("party %d goes on with a caller of %d certificates: %v", m.Party, len(own), err)
		}
		conn.Close()
	}
}

// corrupt replaces a party by one that is wrong about a single word of its
// share, and signs what it says all the same.
func (p *parties) corrupt(id threshold.PartyID) {
	p.t.Helper()
	p.running[id].stop()
	path := p.folder.ShareFile(id)
	_, secret := p.secrets(id)
	lie(secret)
	p.must(os.Remove(path))
	p.must(committee.SaveSecret(path, secret))
	p.start(p.node, id)
}

// lie changes one of the 8192 words of a share.
func lie(secret *dealer.Secret) {
	const field, at = 1, 1234
	encoded := secret.Share.Append(nil)
	word := binary.BigEndian.Uint64(encoded[8*(field*squash.Dim+at):])
	secret.Share.Set(field, at, (word+1)%squash.Moduli()[field])
}

// wantLiar decrypts alice's balance until the liar's answer is among those that
// arrived. No value is wrong, and nobody but the liar is blamed.
func (p *parties) wantLiar(liar threshold.PartyID, want uint64) {
	p.t.Helper()
	p.eventually("the liar is named", func() bool {
		d := p.permit(alice, tokenAddress, p.balanceOf(alice))
		values, err := p.wallet.UserDecrypt(p.ctx, d)
		if err == nil && values[0].Uint64() != want {
			p.t.Fatalf("balance is %d, want %d", values[0], want)
		}
		blames := d.Blames()
		if slices.ContainsFunc(blames, func(b threshold.Blame) bool { return b.Party != liar }) {
			p.t.Fatalf("blamed are %v, the liar is party %d", blames, liar)
		}
		return err == nil && len(blames) > 0
	})
}

// wantUnavailable: where too few parties are left, both kinds of decryption say
// so and do not hang.
func (p *parties) wantUnavailable() {
	ctx, cancel := context.WithTimeout(p.ctx, 5*time.Minute)
	defer cancel()
	p.send(alice, tokenAddress, pack(tokenABI, "requestTotalSupply"))
	_, user := p.wallet.UserDecrypt(ctx, p.permit(alice, tokenAddress, p.balanceOf(alice)))
	_, public := p.wallet.PublicDecrypt(ctx, p.read("confidentialTotalSupply"))
	for name, err := range map[string]error{"user": user, "public": public} {
		if codeOf(err) != threshold.Unavailable || !strings.Contains(err.Error(), "2 of 4 parties answered, 3 are needed") {
			p.t.Errorf("%s decryption by two of four parties: %v", name, err)
		}
	}
}
