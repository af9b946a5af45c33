package committee

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/audit"
	"fhevm/threshold/opening"
	"fhevm/threshold/permit"
)

// decisions reads a party's audit log off its disk.
func (n *network) decisions(t *testing.T, fs vfs.FS) (out []*audit.Decision) {
	t.Helper()
	if _, err := audit.Read(fs, audit.Dir(fs, "party"), func(r *audit.Record, _ audit.Position) error {
		if r.Decision != nil {
			out = append(out, r.Decision)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAudit: answers, refusals and what the party signs for coprocessors are on record,
// with who asked, on which block, and how often before.
func TestAudit(t *testing.T) {
	n := newNetwork(t, 50)
	h, other := n.value(fhe.Uint8, 7), n.value(fhe.Uint16, 8)
	q := n.request([]fhe.Handle{h}, nil)
	p := n.limit(t, DefaultQuotas)
	p.Connect(n.peers(1))
	for range 2 {
		if _, err := p.UserDecrypt(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	expired := n.request([]fhe.Handle{h, other}, func(p *permit.Permit) { p.ValidUntil = 950 })
	if _, err := p.UserDecrypt(t.Context(), expired); code(err) != threshold.PermitExpired {
		t.Fatal(err)
	}
	n.publish(other)
	if _, err := p.PublicDecrypt(t.Context(), &PublicRequest{Handles: []fhe.Handle{other}}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Share(t.Context(), &ShareRequest{Handles: []fhe.Handle{other}, From: 3}); err != nil {
		t.Fatal(err)
	}
	log := n.decisions(t, n.disks[1])
	type line struct {
		method                   audit.Method
		refusal                  threshold.Code
		fresh, repeats, openings uint64
		handles, digests, caller int
	}
	want := []line{
		{audit.Squash, "", 0, 0, 0, 1, 0, 0}, {audit.User, "", 2, 0, 2, 1, 1, 0},
		{audit.User, "", 0, 1, 2, 1, 1, 0}, // coprocessors were asked before
		{audit.User, threshold.PermitExpired, 0, 0, 0, 2, 0, 0},
		{audit.Squash, "", 0, 0, 0, 1, 0, 0}, {audit.Public, "", 4, 0, 6, 1, 1, 0},
		{audit.Share, "", 0, 0, 6, 1, 1, 3},
	}
	if len(log) != len(want) {
		t.Fatalf("%d decisions, want %d", len(log), len(want))
	}
	for i, d := range log {
		if got := (line{d.Method, d.Refusal, d.Fresh, d.Repeats, d.Openings, len(d.Handles), len(d.Digests), int(d.From)}); got != want[i] {
			t.Errorf("decision %d is %+v, want %+v", i, got, want[i])
		}
		if d.Block != 9 || d.Epoch != 1 || (d.Method == audit.User && d.User != n.userAddress()) {
			t.Errorf("decision %d: %+v", i, d)
		}
	}
	if log[1].Request != log[2].Request || log[1].Request == log[3].Request || log[1].Request != log[0].Request {
		t.Error("the same request has another id, or another has the same")
	}
	if log[1].Digests[0] != log[2].Digests[0] {
		t.Error("the digest changes")
	}
}

// TestNothingWithoutRecord: a party that cannot write its audit log discloses
// nothing, to nobody, until it can.
func TestNothingWithoutRecord(t *testing.T) {
	n := newNetwork(t, 51)
	h := n.value(fhe.Uint8, 7)
	n.publish(h)
	q := n.request([]fhe.Handle{h}, nil)
	broken := false
	p := n.reopen(t, func(c *RecordsConfig) {
		c.FS = errorfs.Wrap(n.disks[1], errorfs.InjectorFunc(func(op errorfs.Op) error {
			if broken && op.Kind == errorfs.OpFileSync && strings.Contains(op.Path, "audit") {
				return errorfs.ErrInjected
			}
			return nil
		}))
	})
	p.Connect(n.peers(1))
	broken = true
	ask := func() []error {
		_, user := p.UserDecrypt(t.Context(), q)
		_, public := p.PublicDecrypt(t.Context(), &PublicRequest{Handles: q.Handles})
		_, share := p.Share(t.Context(), &ShareRequest{Handles: q.Handles, From: 2})
		return []error{user, public, share}
	}
	for _, err := range ask() {
		if err == nil || threshold.FaultOf("party", err).Code != threshold.Internal {
			t.Errorf("a disk that fails: %v", err)
		}
	}
	broken = false
	for _, err := range ask() {
		if err == nil {
			t.Error("the party answers after its log failed")
		}
	}
	if s := p.Standing(); !errors.Is(s.Err, errorfs.ErrInjected) {
		t.Errorf("the party says %v", s.Err)
	}
	n.records[1].Close()
	n.start(t, 1)
	n.parties[1].Connect(n.peers(1))
	if _, err := n.parties[1].UserDecrypt(t.Context(), q); err != nil {
		t.Errorf("with a disk that works: %v", err)
	}
}

// TestRecordSurvives: whatever a crash takes, the log has each answer that left.
func TestRecordSurvives(t *testing.T) {
	n := newNetwork(t, 52)
	q := n.request([]fhe.Handle{n.value(fhe.Uint8, 7)}, nil)
	rng := rand.New(rand.NewPCG(52, 1))
	n.limit(t, DefaultQuotas)
	for i := range 4 {
		if _, err := n.parties[1].UserDecrypt(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		n.disks[1] = n.disks[1].CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		n.limit(t, DefaultQuotas)
		log := n.decisions(t, n.disks[1])
		if last := log[len(log)-1]; len(log) != 2*(i+1) || last.Method != audit.User || last.Refusal != "" {
			t.Fatalf("after crash %d the last decision is %+v", i, last)
		}
	}
}

// TestRoutineIsBrief: refusals, and requests that come again, disclose nothing new:
// so many a minute are recorded, and the rest is counted.
func TestRoutineIsBrief(t *testing.T) {
	n := newNetwork(t, 54)
	h := n.value(fhe.Uint8, 7)
	n.chain.set(h, false, n.userAddress())
	q := n.request([]fhe.Handle{h}, nil)
	const extra = 40
	for range routineSpell + extra {
		if _, err := n.parties[1].UserDecrypt(t.Context(), q); code(err) != threshold.NotAllowed {
			t.Fatal(err)
		}
	}
	if got := len(n.decisions(t, n.disks[1])); got != routineSpell {
		t.Errorf("%d refusals are recorded", got)
	}
	n.chain.set(h, true, n.userAddress())
	n.publish(h)
	size := func() uint64 { return n.records[1].log.Head().Seq }
	news := size()
	for range 1 + extra {
		if _, err := n.parties[1].UserDecrypt(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		if _, err := n.parties[1].Share(t.Context(), &ShareRequest{Handles: q.Handles, From: 3}); err != nil {
			t.Fatal(err)
		}
		if _, err := n.parties[1].PublicDecrypt(t.Context(), &PublicRequest{Handles: q.Handles}); err != nil {
			t.Fatal(err)
		}
	}
	const want = 1 + 1 + 3 // what was not listed, what coprocessors were asked, and an answer of each kind
	if got := size() - news; got != want {
		t.Errorf("%d records, want %d", got, want)
	}
	n.clock.Add(60 / routineRecords)
	n.answer(t, 1, q)
	s, err := audit.Read(n.disks[1], audit.Dir(n.disks[1], "party"), nil)
	if err != nil || s.Unlisted != (audit.Unlisted{Refusals: extra, Repeats: 3 * extra}) || s.Outcomes[audit.Outcome{Epoch: 1, Method: audit.User}] != 2 {
		t.Errorf("%+v, %v", s, err)
	}
	if log := n.decisions(t, n.disks[1]); log[len(log)-1].Repeats != 1+extra {
		t.Errorf("%d repetitions, want %d", log[len(log)-1].Repeats, 1+extra)
	}
}

// TestPermitsAreBrief: whatever permits and lists name a handle, its squash has one record,
// and so it has where coprocessors have none of it.
func TestPermitsAreBrief(t *testing.T) {
	n := newNetwork(t, 56)
	a, b := n.value(fhe.Uint8, 7), n.value(fhe.Bool, 1)
	missing := n.value(fhe.Uint8, 7)
	delete(n.cop.blocks, missing)
	const permits = 10
	for i := range uint64(permits) {
		other := func(p *permit.Permit) { p.ValidUntil += i }
		n.answer(t, 1, n.request([]fhe.Handle{a}, other))
		n.answer(t, 1, n.request([]fhe.Handle{b, a}, other))
		if _, err := n.parties[1].UserDecrypt(t.Context(), n.request([]fhe.Handle{missing}, other)); code(err) != threshold.NotReady {
			t.Fatal(err)
		}
	}
	got := map[audit.Method]int{}
	for _, d := range n.decisions(t, n.disks[1]) {
		got[d.Method]++
	}
	if got[audit.Squash] != 3 || got[audit.User] != 3*permits {
		t.Errorf("records are %v", got)
	}
	n.watch(t, func(*Config) {}) // what is pending ends: the next request has a record of its own
	n.answer(t, 1, n.request([]fhe.Handle{a}, nil))
	if log := n.decisions(t, n.disks[1]); log[len(log)-2].Method != audit.Squash {
		t.Errorf("after the epoch was served anew: %+v", log[len(log)-2])
	}
}

// TestStrangeCodes: a refusal in a coprocessor's words does not keep the party from
// recording it.
func TestStrangeCodes(t *testing.T) {
	n := newNetwork(t, 55)
	h := n.value(fhe.Uint8, 7)
	n.parties[1].cfg.Squashers = []Squasher{rude{}}
	if _, err := n.parties[1].UserDecrypt(t.Context(), n.request([]fhe.Handle{h}, nil)); code(err) != rudeCode {
		t.Fatal(err)
	}
	log := n.decisions(t, n.disks[1])
	if got := log[len(log)-1].Refusal; got != rudeCode[:32] {
		t.Errorf("the refusal is %q", got)
	}
}

// TestWatched: who watches a party hears of each decision.
func TestWatched(t *testing.T) {
	n := newNetwork(t, 56)
	h := n.value(fhe.Uint8, 7)
	n.publish(h)
	var events []Event
	p := n.watch(t, func(c *Config) { c.Observe = func(e Event) { events = append(events, e) } })
	p.Connect(n.peers(1))
	if _, err := p.UserDecrypt(t.Context(), n.request([]fhe.Handle{h}, nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.PublicDecrypt(t.Context(), &PublicRequest{Handles: []fhe.Handle{h}}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.PublicDecrypt(t.Context(), &PublicRequest{}); code(err) != threshold.BadRequest {
		t.Fatal(err)
	}
	want := []audit.Outcome{{Method: audit.User}, {Method: audit.Public}, {Method: audit.Public, Refusal: threshold.BadRequest}}
	for i, e := range events {
		if i >= len(want) || (audit.Outcome{Method: e.Method, Refusal: e.Refusal}) != want[i] || e.Duration <= 0 {
			t.Errorf("event %d is %+v", i, e)
		}
	}
	if len(events) != len(want) {
		t.Errorf("%d events", len(events))
	}
}

// watch starts party 1 with further settings.
func (n *network) watch(t *testing.T, settings func(*Config)) *Party {
	t.Helper()
	config := n.config(1)
	settings(&config)
	p, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	n.parties[1] = p
	return p
}

// reopen opens party 1's records with further settings, and starts it on them.
func (n *network) reopen(t *testing.T, settings func(*RecordsConfig)) *Party {
	t.Helper()
	n.records[1].Close()
	c := n.book(1)
	settings(&c)
	n.keep(t, 1, c)
	return n.watch(t, func(*Config) {})
}

// TestBlamed: who watches a party hears of another that sends wrong shares, as soon as
// one of its answers comes before the others are enough; of nobody else.
func TestBlamed(t *testing.T) {
	n := newNetwork(t, 57)
	blamed := make(map[threshold.PartyID]int)
	p := n.watch(t, func(c *Config) { c.Blame = func(id threshold.PartyID) { blamed[id]++ } })
	for i := 0; blamed[3] == 0; i++ {
		if i == 1000 {
			t.Fatal("the liar is never blamed")
		}
		lied := make(chan struct{})
		p.Connect(map[threshold.PartyID]Service{
			2: n.parties[2],
			3: altered(n.parties[3], func(a *opening.Answer) { a.Shares[7] ^= 1; close(lied) }),
			4: altered(n.parties[4], func(*opening.Answer) { <-lied }),
		})
		h := n.value(fhe.Bool, 1)
		n.publish(h)
		if _, err := p.PublicDecrypt(t.Context(), &PublicRequest{Handles: []fhe.Handle{h}}); err != nil {
			t.Fatal(err)
		}
	}
	if len(blamed) != 1 {
		t.Errorf("blamed are %v", blamed)
	}
}

// TestDamagedLog: a party whose log was changed does not start, and says where.
func TestDamagedLog(t *testing.T) {
	n := newNetwork(t, 58)
	for range 40 { // so that the change is no unfinished end
		if _, err := n.parties[1].UserDecrypt(t.Context(), n.request([]fhe.Handle{n.value(fhe.Bool, 1)}, nil)); err != nil {
			t.Fatal(err)
		}
	}
	n.records[1].Close()
	path := n.disks[1].PathJoin(audit.Dir(n.disks[1], "party"), "audit-00000001.log")
	f, err := n.disks[1].OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("forged"), 300); err != nil {
		t.Fatal(err)
	}
	f.Close()
	_, err = OpenRecords(n.book(1))
	var damage *audit.DamageError
	if !errors.As(err, &damage) || damage.Offset > 300 || damage.Offset < 100 {
		t.Errorf("the party starts: %v", err)
	}
}
