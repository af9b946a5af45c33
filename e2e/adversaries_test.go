//go:build adversaries

package e2e

import (
	"flag"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fhevm/threshold"
)

// How often TestManyAdversaries begins anew, see make adversaries, and with which seed
// first.
var (
	seeds = flag.Uint64("seeds", 100, "how many seeds to run")
	first = flag.Uint64("first", 1, "the first of them")
)

// perLiar is for how many seeds one party is corrupt, then another one.
const perLiar = 20

// TestManyAdversaries is TestAdversaries at random: a liar that does anything to each
// call, several readings at the same time, and processes that are killed or stopped
// meanwhile. At the end one party more than t is silent for as long as parties wait.
func TestManyAdversaries(t *testing.T) {
	program := buildLiar(t)
	s := newSiege(t, 1, *first)
	for seed := *first; seed < *first+*seeds; seed++ {
		if id := threshold.PartyID(1 + seed/perLiar%4); id != s.liar.id {
			s.wantNamed()
			s.wantNoSecrets(s.everything()...)
			s.pass(id, program)
		}
		s.t.Logf("seed %d: party %d", seed, s.liar.id)
		s.rage(seed)
	}
	s.wantNamed()
	s.wantNoSecrets(s.everything()...)
	s.step("one more is silent for good", s.outwait)
}

// pass makes the liar's party honest again, and another one the liar.
func (s *siege) pass(id threshold.PartyID, program string) {
	s.t.Helper()
	s.liar.kill()
	s.start(s.node, s.liar.id)
	s.liar = s.possess(id, program)
	s.past, s.settled, s.deeds = map[threshold.PartyID][]*process{}, map[threshold.PartyID]int{}, 0
	for _, m := range s.members {
		if m.Party != id {
			s.past[m.Party] = []*process{s.running[m.Party]}
			s.settled[m.Party] = len(blames(s.t, s.told(m.Party)))
		}
	}
	s.works("the liar's party behaves again")
}

// rage is what one seed does.
func (s *siege) rage(seed uint64) {
	s.t.Helper()
	rng := rand.New(rand.NewPCG(seed, 2))
	manner := "any"
	if all := manners(s.t, s.liar.program); rng.IntN(2) == 0 {
		manner = all[rng.IntN(len(all))]
	}
	s.order(manner, seed)
	var readings []*reading
	for range 1 + rng.IntN(4) {
		readings = append(readings, s.ask())
	}
	pause := time.Duration(rng.IntN(300)) * time.Millisecond
	honest := s.members[rng.IntN(len(s.members))].Party
	switch rng.IntN(4) {
	case 0:
		time.Sleep(pause)
		s.liar.kill()
		defer s.liar.serve()
	case 1:
		if honest != s.liar.id {
			s.running[honest].signal(syscall.SIGSTOP)
			time.Sleep(pause)
			s.running[honest].signal(syscall.SIGCONT)
		}
	case 2:
		if honest != s.liar.id {
			time.Sleep(pause)
			s.running[honest].kill()
			time.Sleep(pause)
			s.liar.kill() // it may be silent, and who waits for it waits for minutes
			for _, r := range readings {
				s.rightOrRefused(r)
			}
			readings = nil
			s.restart(honest)
			s.liar.serve()
			s.works("a party that was killed is back")
		}
	}
	for _, r := range readings {
		s.right(r)
	}
	s.checkBlames()
}

// rightOrRefused waits for a reading that may be refused, by the code for that.
func (s *siege) rightOrRefused(r *reading) {
	s.t.Helper()
	s.must(r.work.Wait())
	for _, err := range []error{r.errUser, r.errPublic} {
		if err != nil && codeOf(err) != threshold.Unavailable {
			s.t.Fatalf("with %+v: %v", s.last(), err)
		}
	}
}

// outwait: who waits for one silent party too many is told so in the end, and by whom:
// the silent ones are blamed.
func (s *siege) outwait() {
	s.t.Helper()
	s.order("silence", 0)
	other := s.members[s.liar.id%4].Party
	s.running[other].signal(syscall.SIGSTOP)
	r := s.ask()
	s.must(r.work.Wait())
	for _, err := range []error{r.errUser, r.errPublic} {
		if codeOf(err) != threshold.Unavailable || !strings.Contains(err.Error(), "2 of 4 parties answered, 3 are needed") {
			s.t.Errorf("two of four parties are silent: %v", err)
		}
		s.t.Log(err)
	}
	for id := range s.past {
		for _, silent := range []threshold.PartyID{s.liar.id, other} {
			b := threshold.Blame{Party: silent, Reason: threshold.Silence}
			if all := s.blames(id); id != other && !slices.Contains(all, b) {
				s.t.Errorf("party %d blames %v, want %v", id, all, b)
			}
		}
	}
	s.running[other].signal(syscall.SIGCONT)
	s.works("the other party is back")
}
