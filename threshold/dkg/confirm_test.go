package dkg

import (
	"strings"
	"testing"

	"fhevm/threshold"
)

// lose has the network lose what some parties say of a kind.
func (n *net) lose(kind Kind, from ...threshold.PartyID) {
	for _, id := range from {
		n.tamper[id] = func(_ *net, _ threshold.PartyID, msg *Message) *Message {
			if msg.Kind == kind {
				return nil
			}
			return msg
		}
	}
}

// resume replaces a party's machine as after the end of its process.
func (n *net) resume(id threshold.PartyID, known []*Message) {
	n.t.Helper()
	keys := n.machines[1].Keys()
	m, err := Resume(n.run, id, signers(n.run.quorum.N)[id-1], keys.ID(), keys.Squash.Digest(), known)
	if err != nil {
		n.t.Fatal(err)
	}
	if _, err := m.Secret(); err == nil {
		n.t.Error("a secret of a machine that resumed")
	}
	n.machines[id] = m
}

// certified demands that the parties are done.
func (n *net) certified(keys *Keys, ids ...threshold.PartyID) {
	n.t.Helper()
	for _, id := range ids {
		m := n.machines[id]
		if !m.Done() || !n.run.Certified(m.Certificate(), keys.ID(), keys.Squash.Digest()) {
			n.t.Errorf("party %d: %v, waits for %v", id, m.Failure(), m.Awaited())
		}
	}
}

// TestResumeAll: all confirm, nobody hears of it and all processes end. They resume and
// are done.
func TestResumeAll(t *testing.T) {
	t.Parallel()
	n := newNet(t, newTestRun(t, 4, &small), 31)
	n.lose(Confirm, 1, 2, 3, 4)
	n.play()
	keys := n.machines[1].Keys()
	clear(n.tamper)
	for _, id := range []threshold.PartyID{4, 3, 2, 1} { // the first has the keys to resume with
		if !n.machines[id].Confirmed() || n.machines[id].Done() {
			t.Fatalf("party %d has not confirmed, or is done", id)
		}
		n.resume(id, nil)
	}
	n.play()
	n.certified(keys, 1, 2, 3, 4)
}

// TestResumeOne: one party's confirmation does not leave before its process ends. The
// others still run, and one of them misses it: it resumes, twice, and all are done. It had
// complained before, which its complaints now do not contradict.
func TestResumeOne(t *testing.T) {
	t.Parallel()
	n := newNet(t, newTestRun(t, 4, &small), 32)
	n.lose(Confirm, 3)
	n.tamper[4] = func(_ *net, to threshold.PartyID, msg *Message) *Message {
		if msg.Kind == Commitments && to == 3 {
			return nil
		}
		return msg
	}
	n.playOnce()
	n.machines[3].Timeout()
	n.playOnce()
	keys := n.machines[1].Keys()
	if keys == nil || n.machines[1].Done() || !n.machines[3].Confirmed() || len(n.machines[1].complaints(3)) == 0 {
		t.Fatal("party 3 has not confirmed, or never complained, or others are done without it")
	}
	n.machines[1].Timeout()
	n.collect()
	clear(n.tamper)
	n.resume(3, nil)
	n.machines[3].Out() // that process ends at once
	n.resume(3, nil)
	n.playOnce()
	n.certified(keys, 1, 2, 3, 4)
}

// playOnce delivers messages until nothing flies, and lets no time pass.
func (n *net) playOnce() {
	for n.collect(); len(n.flying) > 0; {
		n.deliver()
	}
}

// TestResumeByCertificate: the others are done and gone. One that has all confirmations
// comes again and gives them to one that has none.
func TestResumeByCertificate(t *testing.T) {
	t.Parallel()
	n := newNet(t, newTestRun(t, 4, &small), 33)
	n.play()
	keys, certificate := n.machines[1].Keys(), n.machines[2].Certificate()
	n.resume(4, nil)
	n.resume(2, certificate)
	n.certified(keys, 2)
	n.lose(Confirm, 1, 3)
	n.playOnce()
	n.certified(keys, 2, 4)
}

// TestResumeInVain names who did not confirm.
func TestResumeInVain(t *testing.T) {
	t.Parallel()
	n := newNet(t, newTestRun(t, 4, &small), 34)
	n.play()
	n.resume(2, n.machines[1].Certificate()[:3])
	m := n.machines[2]
	if m.Failure() != nil || m.Done() || m.Awaited() != threshold.Parties(4) {
		t.Fatalf("%v, waits for %v", m.Failure(), m.Awaited())
	}
	m.Timeout()
	if f := m.Failure(); f == nil || !strings.Contains(f.Error(), "party 4: sent no confirmation, says party 2") || strings.Contains(f.Error(), "party 3: ") {
		t.Errorf("%v", f)
	}
	for _, e := range m.Out() {
		if e.Kind == Disclosure {
			t.Error("a party that has confirmed discloses")
		}
	}
}
