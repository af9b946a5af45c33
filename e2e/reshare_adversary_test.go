package e2e

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fhevm/node/network"
	"fhevm/threshold"
)

// attend has the liar take part in an attempt to begin an epoch, and keep what it gets.
func (l *liar) attend(epoch uint64, attempt uint32) {
	l.p.t.Helper()
	d, err := l.p.folder.Description()
	l.p.must(err)
	old := d.CommitteeOf(epoch - 1)
	next, err := network.Propose(old, nil)
	l.p.must(err)
	share := func(epoch uint64) string { return l.path(fmt.Sprintf("share-%d", epoch)) } // that it got as a liar
	if l.config["Secret"] = share(epoch - 1); !exists(share(epoch - 1)) {
		l.config["Secret"] = l.p.folder.ShareFileOf(d, epoch-1, l.id)
	}
	l.config["Next"] = map[string]any{"Committee": next, "Attempt": attempt, "Save": share(epoch)}
	l.kill()
	l.serve()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// outcome is how an attempt ended for one honest party.
type outcome struct {
	ready  bool
	again  bool     // it waits for somebody's confirmation, which comes if the same attempt is run again
	blamed []string // such as "old party 2"
}

var (
	seat   = regexp.MustCompile(`^(?:old|new) party \d+`)
	others = regexp.MustCompile(`it says that ((?:old|new) party \d+)`)
	absent = regexp.MustCompile(`(new party \d+) at \S+`) // of those who did not confirm
)

// outcomeOf reads what a party said; false is that its attempt goes on, and that nobody
// is missed in the last round.
func outcomeOf(said string, epoch uint64) (o outcome, over bool) {
	for line := range strings.Lines(said) {
		if b, ok := strings.CutPrefix(line, "in spite of a fault: "); ok {
			o.blamed = append(o.blamed, seat.FindString(b))
		}
		if strings.HasPrefix(line, fmt.Sprintf("epoch %d is ready", epoch)) {
			o.ready = true
			return o, true
		}
		if _, who, ok := strings.Cut(line, "does not begin, and "); ok {
			who, _, _ = strings.Cut(who, " did not confirm")
			for _, m := range absent.FindAllStringSubmatch(who, -1) {
				o.blamed = append(o.blamed, m[1])
			}
			o.again = true
			return o, true
		}
		if _, why, ok := strings.Cut(line, "resharing ended in round "); ok && !strings.HasPrefix(line, "time=") {
			_, why, _ = strings.Cut(why, ": ")
			for reason := range strings.SplitSeq(why, "; ") {
				if who := seat.FindString(reason); who != "" && !strings.HasPrefix(reason, who+" stopped") {
					o.blamed = append(o.blamed, who)
				}
			}
			for _, m := range others.FindAllStringSubmatch(why, -1) {
				o.blamed = append(o.blamed, m[1])
			}
			return o, true
		}
	}
	return o, false
}

// honest are the parties but the liar.
func (s *siege) honest() (out []threshold.PartyID) {
	for _, m := range s.members {
		if m.Party != s.liar.id {
			out = append(out, m.Party)
		}
	}
	return out
}

// reshareWith has the liar and the honest parties try to begin an epoch, and returns how
// it ended for these.
func (s *siege) reshareWith(manner string, seed, epoch uint64, attempt uint32, args ...string) map[threshold.PartyID]outcome {
	s.t.Helper()
	s.order(manner, seed)
	s.liar.attend(epoch, attempt)
	s.begin(s.honest(), epoch, attempt, args...)
	return s.outcomes(epoch)
}

// begin has honest parties take part in an attempt.
func (s *siege) begin(ids []threshold.PartyID, epoch uint64, attempt uint32, args ...string) {
	s.t.Helper()
	s.reshare(ids, append(args, "--epoch", fmt.Sprint(epoch), "--attempt", fmt.Sprint(attempt))...)
	for _, id := range ids {
		s.past[id] = append(s.past[id], s.running[id])
	}
}

// outcomes waits until an attempt is over for the honest parties, who blame nobody but
// the liar.
func (s *siege) outcomes(epoch uint64) map[threshold.PartyID]outcome {
	s.t.Helper()
	out := map[threshold.PartyID]outcome{}
	for _, id := range s.honest() {
		p := s.running[id]
		p.await("the end of the resharing", func() (over bool) {
			out[id], over = outcomeOf(p.output(), epoch)
			return over
		})
		for _, b := range out[id].blamed {
			if !strings.HasSuffix(b, fmt.Sprintf(" party %d", s.liar.id)) {
				s.t.Fatalf("party %d blames %s: %s", id, b, p.output())
			}
		}
	}
	return out
}

// wantEnded demands that all honest parties ended an attempt, or all of them well, and
// that they name the liar in a role.
func (s *siege) wantEnded(got map[threshold.PartyID]outcome, ready bool, role string) {
	s.t.Helper()
	for id, o := range got {
		if who := fmt.Sprintf("%s party %d", role, s.liar.id); o.ready != ready || !slices.Contains(o.blamed, who) {
			s.t.Errorf("party %d ends with %+v, want ready %v and %s named", id, o, ready, who)
		}
	}
}

// TestReshareAdversaries: a corrupt new member ends a resharing, and is named; the old
// epoch stays in force and the next attempt without the liar comes out. A corrupt old
// member is named, and does not even keep it from coming out.
func TestReshareAdversaries(t *testing.T) {
	s := newSiege(t, 2, 3)
	s.step("a new member lies", func() {
		s.wantEnded(s.reshareWith("new lie", 1, 2, 1), false, "new")
		s.wantEpoch(1)
		s.works("the old epoch serves")
	})
	s.step("without it the next attempt comes out", func() {
		s.liar.kill()
		all := append(s.honest(), s.liar.id)
		s.reshare(all, "--epoch", "2", "--attempt", "2")
		s.say(all, "epoch 2 is ready")
		s.enforce(2)
		s.right(s.ask())
	})
	s.step("an old member lies", func() {
		s.running[s.liar.id].stop()
		s.wantEnded(s.reshareWith("old lie", 1, 3, 1), true, "old")
		s.enforce(3)
		s.right(s.ask())
	})
	for _, id := range s.honest() {
		s.wantNoSecrets(s.told(id))
	}
}

// enforce has the owner put an epoch in force.
func (s *siege) enforce(epoch uint64) {
	s.t.Helper()
	s.govern("activate", "--epoch", fmt.Sprint(epoch))
	s.say(s.honest(), fmt.Sprintf("of epoch %d is in force", epoch))
	s.renew()
	s.wantEpoch(epoch)
}
