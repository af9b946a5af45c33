package dkg

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"fhevm/fhe"
	"fhevm/fhe/csprng"
	"fhevm/fhe/tfhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
	"fhevm/threshold/prss"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// small is a set with few secrets and errors: runs of it take a fraction of a second.
var small = tfhe.Params{
	Name: "few secrets", LWEDim: 3, LWENoise: 2, GLWEDim: 1, PolySize: 2048, GLWENoise: 17, BootstrapBaseLog: 23, BootstrapLevel: 1,
	KeySwitchBaseLog: 4, KeySwitchLevel: 4, PackSize: 256, PackBaseLog: 2, PackLevel: 6, PackBits: 11, KeyShares: 1,
}

// signers are the parties' keys.
func signers(n int) (out []*secp256k1.PrivateKey) {
	for i := range n {
		out = append(out, secp256k1.PrivKeyFromBytes([]byte{7, byte(i + 1)}))
	}
	return out
}

func newTestRun(t testing.TB, n int, p *tfhe.Params) *Run {
	t.Helper()
	c := &threshold.Committee{Epoch: threshold.Epoch{Number: 1}, Policy: threshold.Policy{Coprocessors: []fhe.Address{{1}}, Need: 1}}
	for i, key := range signers(n) {
		id := threshold.PartyID(i + 1)
		c.Members = append(c.Members, threshold.Member{Party: id, Signer: eip712.AddressOf(key.PubKey()), TLS: fhe.Digest{byte(id)}, Address: fmt.Sprint("party", id)})
	}
	margin, err := prss.NewMargin(c.Quorum(), Noise(c.Quorum()))
	if err != nil {
		t.Fatal(err)
	}
	c.Noise, c.Stat = margin.Noise, margin.Stat
	r, err := NewRun(c, p, fhe.Digest{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// net delivers the parties' messages in an order that a seed draws, twice now and
// then. What a corrupt party sends goes through its tamper first.
type net struct {
	t        testing.TB
	run      *Run
	machines map[threshold.PartyID]*Machine
	chance   *rand.Rand
	tamper   map[threshold.PartyID]tamper
	flying   []flight
}

type flight struct {
	to  threshold.PartyID
	msg *Message
}

// tamper returns what a corrupt party sends to a receiver instead; nil for nothing.
type tamper func(n *net, to threshold.PartyID, msg *Message) *Message

func newNet(t testing.TB, run *Run, seed uint64) *net {
	t.Helper()
	n := &net{t: t, run: run, machines: make(map[threshold.PartyID]*Machine), chance: rand.New(rand.NewPCG(seed, 0)), tamper: make(map[threshold.PartyID]tamper)}
	for i, key := range signers(run.quorum.N) {
		id := threshold.PartyID(i + 1)
		random := csprng.New(csprng.SeedFrom([32]byte{byte(seed), byte(seed >> 8)}), "contributions", uint64(id))
		m, err := New(run, id, key, random)
		if err != nil {
			t.Fatal(err)
		}
		n.machines[id] = m
	}
	return n
}

// collect sends what the machines have to send.
func (n *net) collect() {
	for id := range n.run.quorum.All().All() {
		for _, e := range n.machines[id].Out() {
			for to := range e.To.All() {
				n.put(id, to, e.Message)
			}
		}
	}
}

func (n *net) put(from, to threshold.PartyID, msg *Message) {
	if change := n.tamper[from]; change != nil {
		if msg = change(n, to, msg); msg == nil {
			return
		}
	}
	n.flying = append(n.flying, flight{to, msg})
}

// sign makes a changed message its sender's own.
func (n *net) sign(msg Message, body []byte) *Message {
	msg.Body = body
	msg.Signature = eip712.Sign(signers(n.run.quorum.N)[msg.From-1], msg.digest())
	return &msg
}

// play delivers messages until nothing flies; then it lets time pass for honest
// parties that wait, and goes on.
func (n *net) play() {
	n.collect()
	for {
		for len(n.flying) > 0 {
			n.deliver()
		}
		if !n.timeout() {
			return
		}
	}
}

func (n *net) deliver() {
	i := n.chance.IntN(len(n.flying))
	f := n.flying[i]
	if n.chance.IntN(20) > 0 { // or it comes again
		n.flying[i] = n.flying[len(n.flying)-1]
		n.flying = n.flying[:len(n.flying)-1]
	}
	msg, err := ParseMessage(f.msg.Encode())
	if err != nil {
		n.t.Fatal(err)
	}
	n.machines[f.to].Receive(msg)
	n.collect()
}

// timeout ends the patience of all honest parties, if one waits.
func (n *net) timeout() (waited bool) {
	for id := range n.honest().All() {
		if m := n.machines[id]; !m.Done() && m.Failure() == nil {
			m.Timeout()
			waited = true
		}
	}
	n.collect()
	return waited
}

func (n *net) honest() (set threshold.PartySet) {
	for id := range n.machines {
		if n.tamper[id] == nil {
			set = set.With(id)
		}
	}
	return set
}
