package committee

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/seal"
)

const maxBlocks = seal.MaxBlocks

// Quota bounds squashed blocks: a value of 64 bits has 16. A bound of 0 is none.
// Whoever used nothing for a minute has the bound of a minute at once, and so for a
// day.
type Quota struct {
	Minute int `json:"minute"`
	Day    int `json:"day"`
}

// Quotas are a party's bounds for each user, who is the account that signed the permit,
// and for each caller, a relay or a party. Users and callers that have no
// certificate, as those within one process, have none.
type Quotas struct {
	User   Quota `json:"user"`
	Caller Quota `json:"caller"`
}

// DefaultQuotas let a user read two full requests a minute, and leave a relay room
// for ten such users.
var DefaultQuotas = Quotas{User: Quota{Minute: 1_100, Day: 100_000}, Caller: Quota{Minute: 11_000, Day: 2_000_000}}

// Check demands that every quota has room for the largest request.
func (q Quotas) Check() error {
	for _, n := range []int{q.User.Minute, q.User.Day, q.Caller.Minute, q.Caller.Day} {
		if n != 0 && (n < maxBlocks || n > math.MaxInt32) {
			return fmt.Errorf("a quota is %d squashed blocks: want at least %d, those of one full request, or 0 for none", n, maxBlocks)
		}
	}
	return nil
}

// PerDay is the most squashed blocks that a party opens within a day for a number
// of callers, beside what they saved up before; 0 if nothing bounds it.
func (q Quotas) PerDay(callers int) uint64 { return uint64(q.Caller.Day) * uint64(callers) }

// payer is one of those who pay for a request.
type payer struct {
	key   string // of its row in the store
	name  string // for people
	quota Quota
}

func userPayer(user fhe.Address, q Quotas) payer {
	return payer{"qu" + string(user[:]), "user " + user.String(), q.User}
}

func callerPayer(caller fhe.Digest, q Quotas) payer {
	return payer{"qc" + string(caller[:]), "the relay or party that asks", q.Caller}
}

// account is what a payer may still use. Both limiters refill steadily.
type account struct{ minute, day *rate.Limiter }

// accounts are those of the payers that came last. What they used is stored with what
// it was used for, and read when a payer comes back.
type accounts struct {
	load func(key string) ([]byte, error)

	mu sync.Mutex
	by *lru.LRU[string, *account]
}

const maxAccounts = 1 << 14

func newAccounts(load func(key string) ([]byte, error)) (*accounts, error) {
	by, err := lru.NewLRU[string, *account](maxAccounts, nil)
	return &accounts{load: load, by: by}, err
}

// charge takes blocks off all payers' accounts, or off none's and refuses with
// code QuotaExceeded.
func (a *accounts) charge(now time.Time, blocks int, payers []payer) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var taken []*rate.Reservation
	for _, p := range payers {
		known, err := a.of(p)
		if err == nil {
			own := known.reserve(now, blocks)
			taken = append(taken, own...)
			err = refusal(p, own, now, blocks)
		}
		if err != nil {
			for _, r := range taken {
				r.CancelAt(now)
			}
			return err
		}
	}
	return nil
}

// refusal says when to come again, nil where there is room now.
func refusal(p payer, own []*rate.Reservation, now time.Time, blocks int) error {
	wait := time.Duration(0)
	for _, r := range own {
		if !r.OK() {
			return threshold.Faultf(threshold.QuotaExceeded, "request is for %d squashed blocks, more than %s ever has: ask for fewer handles at once", blocks, p.name)
		}
		wait = max(wait, r.DelayFrom(now))
	}
	if wait == 0 {
		return nil
	}
	wait = wait.Truncate(time.Second) + time.Second
	f := threshold.Faultf(threshold.QuotaExceeded, "%s has used up its squashed blocks (%d a minute, %d a day; 0 for no bound): ask again in %v", p.name, p.quota.Minute, p.quota.Day, wait)
	f.Retry = wait
	return f
}

// of finds a payer's account. The caller holds mu.
func (a *accounts) of(p payer) (*account, error) {
	if known, ok := a.by.Get(p.key); ok {
		return known, nil
	}
	row, err := a.load(p.key)
	if err != nil {
		return nil, err
	}
	out := newAccount(p.quota, row)
	a.by.Add(p.key, out)
	return out, nil
}

// row is what a payer has used as of now:
//
//	Unix milliseconds(8) | used of the minute's(8) | used of the day's(8)
func (a *accounts) row(p payer, now time.Time) (row, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known, err := a.of(p)
	if err != nil {
		return row{}, err
	}
	b := binary.BigEndian.AppendUint64(nil, uint64(max(0, now.UnixMilli())))
	b = binary.BigEndian.AppendUint64(b, used(known.minute, now))
	return row{[]byte(p.key), binary.BigEndian.AppendUint64(b, used(known.day, now))}, nil
}

func newAccount(q Quota, row []byte) *account {
	at, minute, day := time.Time{}, uint64(0), uint64(0)
	if len(row) == 24 {
		at = time.UnixMilli(int64(binary.BigEndian.Uint64(row)))
		minute, day = binary.BigEndian.Uint64(row[8:]), binary.BigEndian.Uint64(row[16:])
	}
	return &account{limiter(q.Minute, time.Minute, at, minute), limiter(q.Day, 24*time.Hour, at, day)}
}

// limiter allows n in a time of which some were used up at a moment; nil if n is 0.
func limiter(n int, per time.Duration, at time.Time, used uint64) *rate.Limiter {
	if n == 0 {
		return nil
	}
	l := rate.NewLimiter(rate.Limit(float64(n)/per.Seconds()), n)
	l.ReserveN(at, int(min(used, uint64(n))))
	return l
}

func used(l *rate.Limiter, now time.Time) uint64 {
	if l == nil {
		return 0
	}
	return uint64(math.Ceil(max(0, float64(l.Burst())-l.TokensAt(now))))
}

func (a *account) reserve(now time.Time, blocks int) (out []*rate.Reservation) {
	for _, l := range []*rate.Limiter{a.minute, a.day} {
		if l != nil {
			out = append(out, l.ReserveN(now, blocks))
		}
	}
	return out
}
