//go:build adversaries

package e2e

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"fhevm/threshold"
)

// plots are what a liar may do in a resharing, in either role.
var plots = []string{"lie", "lie", "lie", "equivocate", "equivocate", "garble", "oversized", "replay", "twice", "refuse", "babble", "hang up", "drop", "slow", "silence"}

// patience is for how long, times the round, honest parties wait: longer than any of them
// is behind the others.
const patience = "15s"

// TestManyReshareAdversaries begins epoch after epoch with a liar among the members, who
// lies in one of its roles, and with processes that are killed meanwhile. Every attempt
// comes out, or ends with the liar's name and the old epoch in force.
func TestManyReshareAdversaries(t *testing.T) {
	s := newSiege(t, 2, *first)
	epoch, attempt := uint64(2), uint32(1)
	for seed := *first; seed < *first+*seeds; seed++ {
		rng := rand.New(rand.NewPCG(seed, 3))
		role := []string{"old", "new"}[rng.IntN(2)]
		manner := role + " " + plots[rng.IntN(len(plots))]
		s.t.Logf("seed %d: epoch %d, attempt %d, %s", seed, epoch, attempt, manner)
		s.order(manner, seed)
		s.liar.attend(epoch, attempt)
		s.begin(s.honest(), epoch, attempt, "--timeout", patience)
		s.disturb(rng, epoch, attempt)
		ready, again := s.count(s.outcomes(epoch))
		s.revive()
		if again > 0 {
			s.t.Logf("%d are ready, %d are to try again", ready, again)
			s.order("behave", seed)
			s.begin(s.honest(), epoch, attempt, "--timeout", patience)
			ready, _ = s.count(s.outcomes(epoch))
			if ready != 3 {
				s.t.Fatalf("the same attempt again: %d of 3 honest parties are ready", ready)
			}
		}
		switch ready {
		case 3:
			s.succeed(epoch)
			epoch, attempt = epoch+1, 1
		case 0:
			attempt++
			s.works("the old epoch serves")
		default:
			s.t.Fatalf("%d of 3 honest parties are ready", ready)
		}
	}
}

func (s *siege) count(all map[threshold.PartyID]outcome) (ready, again int) {
	s.t.Helper()
	for id, o := range all {
		s.t.Logf("party %d: %+v", id, o)
		if o.ready {
			ready++
		} else if len(o.blamed) == 0 {
			s.t.Fatalf("party %d names nobody: %s", id, s.running[id].output())
		}
		if o.again {
			again++
		}
	}
	return ready, again
}

// disturb kills a process while the attempt goes on, or none, and starts it again.
func (s *siege) disturb(rng *rand.Rand, epoch uint64, attempt uint32) {
	s.t.Helper()
	honest := s.honest()[rng.IntN(3)]
	time.Sleep(time.Duration(rng.IntN(2000)) * time.Millisecond)
	switch rng.IntN(3) {
	case 0:
		s.liar.kill()
		s.liar.serve()
	case 1:
		s.running[honest].kill()
		delete(s.running, honest)
		s.begin([]threshold.PartyID{honest}, epoch, attempt, "--timeout", patience)
	}
}

// revive starts parties that ended: one that is started again does not take part in an
// attempt that is over.
func (s *siege) revive() {
	s.t.Helper()
	for _, id := range s.honest() {
		select {
		case <-s.running[id].done:
			s.restart(id)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// succeed puts a new epoch in force and ends the one before.
func (s *siege) succeed(epoch uint64) {
	s.t.Helper()
	s.order("behave", 0)
	s.enforce(epoch)
	s.works("the new epoch serves")
	s.govern("retire", "--epoch", fmt.Sprint(epoch-1))
	s.say(s.honest(), fmt.Sprintf("epoch %d is retired", epoch-1))
	s.works("the new epoch serves alone")
}
