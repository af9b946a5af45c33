package e2e

import (
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"fhevm/contracts"
	"fhevm/fhe"
	"fhevm/sdk"
	"fhevm/threshold"

	"github.com/ethereum/go-ethereum/common"
	"golang.org/x/sync/errgroup"
)

// anyABI is what is used here of contracts/test/Any.sol.
var anyABI = parsed(&contracts.Artifact{ABI: `[
	{"type": "function", "name": "publish", "inputs": [{"name": "fheType", "type": "uint8"}, {"name": "value", "type": "uint256"}], "outputs": []},
	{"type": "event", "name": "Results", "inputs": [{"name": "results", "type": "bytes32[]"}]}
]`})

// siege is a committee with a liar in it, and a contract that publishes values.
type siege struct {
	*parties
	liar *liar
	at   common.Address
	rng  *rand.Rand
	past map[threshold.PartyID][]*process // all of each honest party

	settled map[threshold.PartyID]int // honest blames of earlier liars
	called  map[threshold.PartyID]int // honest blames seen before the present orders
	user    bool                      // the wallet has blamed the liar since
	deeds   int                       // before the present orders
}

func newSiege(t *testing.T, id threshold.PartyID, seed uint64) *siege {
	t.Helper()
	program := buildLiar(t)
	s := &siege{parties: foundDev(t), rng: rand.New(rand.NewPCG(seed, 1)), past: map[threshold.PartyID][]*process{}}
	s.liar = s.possess(id, program)
	for _, m := range s.members {
		if m.Party != id {
			s.past[m.Party] = []*process{s.running[m.Party]}
		}
	}
	s.at = s.mine(signed(carol, s.nonce(carol), nil, s.bytecode("Any"))).ContractAddress
	return s
}

// publish makes a handle of a value that carol may read, and everyone open.
func (s *siege) publish(value uint64) fhe.Handle {
	s.t.Helper()
	for _, l := range s.send(carol, s.at, pack(anyABI, "publish", uint8(fhe.Uint8), new(big.Int).SetUint64(value))).Logs {
		if l.Address == s.at {
			out, err := anyABI.Events["Results"].Inputs.Unpack(l.Data)
			s.must(err)
			return out[0].([][32]byte)[0]
		}
	}
	s.t.Fatal("no result")
	return fhe.Handle{}
}

// reading is a decryption of one value in both ways at the same time.
type reading struct {
	value     uint64
	user      *sdk.Decryption
	errUser   error
	errPublic error
	public    *sdk.PublicResult
	work      errgroup.Group
}

// ask begins to read a fresh value.
func (s *siege) ask() *reading {
	s.t.Helper()
	r := &reading{value: s.rng.Uint64N(256)}
	h := s.publish(r.value)
	r.user = s.permit(carol, s.at, h)
	r.work.Go(func() error {
		values, err := s.wallet.UserDecrypt(s.ctx, r.user)
		if err == nil && values[0].Uint64() != r.value {
			return fmt.Errorf("the user reads %d, want %d", values[0], r.value)
		}
		r.errUser = err
		return nil
	})
	r.work.Go(func() error {
		result, err := s.wallet.PublicDecrypt(s.ctx, h)
		if err == nil && result.Values[0] != fmt.Sprint(r.value) {
			return fmt.Errorf("the public result is %s, want %d", result.Values[0], r.value)
		}
		r.errPublic, r.public = err, result
		return nil
	})
	return r
}

// right waits for a reading and demands that both ways came out.
func (s *siege) right(r *reading) {
	s.t.Helper()
	s.must(r.work.Wait())
	if r.errUser != nil || r.errPublic != nil {
		s.t.Fatalf("with %+v: user decryption: %v; public decryption: %v", s.last(), r.errUser, r.errPublic)
	}
	for _, b := range append(r.user.Blames(), r.public.Blames...) {
		if b.Party != 0 && b.Party != s.liar.id {
			s.t.Fatalf("with %+v: the wallet blames %v", s.last(), b)
		}
	}
	for _, b := range r.user.Blames() {
		if b.Party == 0 {
			continue
		}
		if s.user = true; !s.liar.deserves(0, b.Reason) {
			s.t.Fatalf("with %+v: the wallet's blame %v is not deserved", s.last(), b)
		}
	}
}

// last are the liar's deeds since the present orders.
func (s *siege) last() []deed { return s.liar.deeds()[s.deeds:] }

// told is what an honest party printed, in all of its processes.
func (s *siege) told(id threshold.PartyID) string {
	var b strings.Builder
	for _, p := range s.past[id] {
		b.WriteString(p.output())
	}
	return b.String()
}

// blames are those in an honest party's log since the liar is the liar.
func (s *siege) blames(id threshold.PartyID) []threshold.Blame {
	s.t.Helper()
	return blames(s.t, s.told(id))[s.settled[id]:]
}

// checkBlames demands that honest parties blame the liar alone, and for what it did. It
// reports whether they did since the present orders.
func (s *siege) checkBlames() (named bool) {
	s.t.Helper()
	for id := range s.past {
		all := s.blames(id)
		for _, b := range all {
			if b.Party != s.liar.id || b.Reason != threshold.Silence && !s.liar.deserves(id, b.Reason) {
				s.t.Fatalf("with %+v: party %d blames %v", s.last(), id, b)
			}
		}
		named = named || len(all) > s.called[id]
	}
	return named
}

// order gives the liar new orders.
func (s *siege) order(manner string, seed uint64) {
	s.t.Helper()
	s.called, s.user, s.deeds = map[threshold.PartyID]int{}, false, len(s.liar.deeds())
	for id := range s.past {
		s.called[id] = len(s.blames(id))
	}
	s.liar.order(manner, seed)
}

// suffer has values decrypted until the liar did what it was told to somebody, and is
// blamed if it deserves that: an answer that comes too late is nobody's concern.
func (s *siege) suffer(manner string, seed uint64) {
	s.t.Helper()
	s.order(manner, seed)
	s.eventually("the liar is called, and named for "+manner, func() bool {
		s.right(s.ask())
		named := s.checkBlames()
		did, lied := s.last(), map[bool]bool{}
		for _, d := range did {
			if d.Deserves != "" {
				lied[d.To == 0] = true
			}
		}
		return len(did) > 0 && (named || !lied[false]) && (s.user || !lied[true])
	})
}

// TestAdversaries: a committee of processes with a corrupt one among them, which does
// everything that the simulation's liars do, and what can be done to connections.
// Whatever it does, values are right, and nobody but the liar is blamed.
func TestAdversaries(t *testing.T) {
	const id = 2
	s := newSiege(t, id, 1)
	for seed, manner := range manners(t, s.liar.program) {
		s.step(manner, func() { s.suffer(manner, uint64(seed)) })
	}
	s.step("killed, and started again", func() {
		s.order("behave", 0)
		r := s.ask()
		s.liar.kill()
		s.right(r)
		s.right(s.ask())
		s.liar.serve()
		s.suffer("everything", 1)
	})
	s.step("one more is silent for a while", s.silence)
	s.step("one more is dead", s.bury)
	s.wantNamed()
	s.wantNoSecrets(s.everything()...)
}

// silence: beyond t silent parties requests wait for as long as they may come back, and
// go on when one does. All must have their connections to the liar again: who does not
// reach it does not wait for it.
func (s *siege) silence() {
	s.t.Helper()
	s.order("behave", 0)
	s.eventually("everybody reaches the liar", func() bool {
		s.right(s.ask())
		return s.asked(0, 1, 4)
	})
	s.order("silence", 0)
	s.running[3].signal(syscall.SIGSTOP)
	r := s.ask()
	s.eventually("both others and the node have asked the liar", func() bool { return s.asked(0, 1, 4) })
	s.running[3].signal(syscall.SIGCONT)
	s.right(r)
}

// asked reports whether all of some parties, 0 for the node, have asked the liar for
// something since the present orders.
func (s *siege) asked(by ...threshold.PartyID) bool {
	s.t.Helper()
	done := s.last()
	return !slices.ContainsFunc(by, func(id threshold.PartyID) bool {
		return !slices.ContainsFunc(done, func(d deed) bool { return d.To == id })
	})
}

// bury: with one dead party beside the liar, both kinds of decryption are refused in the
// same words, and come out again when it is back.
func (s *siege) bury() {
	s.t.Helper()
	s.order("refuse", 0)
	s.running[3].kill()
	r := s.ask()
	s.must(r.work.Wait())
	for name, err := range map[string]error{"user": r.errUser, "public": r.errPublic} {
		if codeOf(err) != threshold.Unavailable || !strings.Contains(err.Error(), "2 of 4 parties answered, 3 are needed") {
			s.t.Errorf("%s decryption by two of four parties: %v", name, err)
		}
	}
	s.restart(3)
	s.works("party 3 counts again")
}

// works waits until values come out: connections to a party that was away are tried
// again after a pause only.
func (s *siege) works(why string) {
	s.t.Helper()
	s.eventually(why, func() bool {
		r := s.ask()
		s.must(r.work.Wait())
		return r.errUser == nil && r.errPublic == nil
	})
}

// restart starts an honest party again.
func (s *siege) restart(id threshold.PartyID) {
	s.t.Helper()
	s.start(s.node, id)
	s.past[id] = append(s.past[id], s.running[id])
}

// wantNamed demands of each honest party's metrics what its log says. One whose answer
// nobody waited for may be about to write both.
func (s *siege) wantNamed() {
	s.t.Helper()
	for id := range s.past {
		s.eventually(fmt.Sprintf("party %d's metrics blame as its log does", id), func() bool {
			metrics, log := s.operator(id, "/metrics"), blames(s.t, s.running[id].output())
			return !slices.ContainsFunc(s.members, func(m threshold.Member) bool {
				count := len(slices.DeleteFunc(slices.Clone(log), func(b threshold.Blame) bool { return b.Party != m.Party }))
				return m.Party != id && !strings.Contains(metrics, fmt.Sprintf("fhevm_party_blames_total{party=\"%d\"} %d\n", m.Party, count))
			})
		})
	}
}

// operator fetches a page of a party for its operator.
func (s *siege) operator(id threshold.PartyID, page string) string {
	s.t.Helper()
	_, after, _ := strings.Cut(s.running[id].output(), "metrics at ")
	url, _, _ := strings.Cut(after, "/metrics")
	resp, err := http.Get(url + page)
	s.must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	s.must(err)
	return string(b)
}

// everything that processes printed or show.
func (s *siege) everything() (texts []string) {
	s.t.Helper()
	for id := range s.past {
		texts = append(texts, s.told(id), s.operator(id, "/metrics"), s.operator(id, "/status"))
	}
	return append(texts, s.node.output())
}
