package committee

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2"

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

// account is when a payer's quotas are whole again, in Unix nanoseconds: a time that is
// past says that nothing is used, and each block moves it on by the block's part of a
// minute, or of a day. Its row is
//
//	minute's(8) | day's(8)
type account [2]int64

func parseAccount(row []byte) (a account) {
	if len(row) == 16 {
		a[0], a[1] = int64(binary.BigEndian.Uint64(row)), int64(binary.BigEndian.Uint64(row[8:]))
	}
	return a
}

func (a account) row() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(a[0])), uint64(a[1]))
}

// periods are those of a quota's bounds, and of the moments of an account.
var periods = [2]time.Duration{time.Minute, 24 * time.Hour}

// clip bounds an account by what can be used up now: a clock that was ahead keeps nobody
// out for longer than a period.
func (a account) clip(now time.Time) account {
	for i, per := range periods {
		a[i] = min(a[i], now.Add(per).UnixNano())
	}
	return a
}

// take takes blocks off a payer's account, which is clipped, or says why it cannot.
func (a account) take(p payer, now time.Time, blocks int) (account, error) {
	wait := time.Duration(0)
	for i, bound := range []int{p.quota.Minute, p.quota.Day} {
		if bound == 0 {
			continue
		}
		if blocks > bound {
			return a, threshold.Faultf(threshold.QuotaExceeded, "request is for %d squashed blocks, more than %s ever has: ask for fewer handles at once", blocks, p.name)
		}
		a[i] = max(a[i], now.UnixNano()) + int64(blocks)*int64(periods[i])/int64(bound)
		wait = max(wait, time.Duration(a[i]-now.Add(periods[i]).UnixNano()))
	}
	if wait > 0 {
		return a, later(p, wait)
	}
	return a, nil
}

// later refuses, and says when to come again.
func later(p payer, wait time.Duration) error {
	wait = wait.Truncate(time.Second) + time.Second
	f := threshold.Faultf(threshold.QuotaExceeded, "%s has used up its squashed blocks (%d a minute, %d a day; 0 for no bound): ask again in %v", p.name, p.quota.Minute, p.quota.Day, wait)
	f.Retry = wait
	return f
}

// charge takes blocks off all payers' accounts, or off none's and refuses with code
// QuotaExceeded. It is on disk with the next disclosure: what nothing was disclosed for
// may be forgotten by a crash. Where it refuses, it writes accounts that it clipped.
func (s *store) charge(now time.Time, blocks int, payers []payer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken, clipped := s.db.NewBatch(), s.db.NewBatch()
	var refused error
	for _, p := range payers {
		row, err := s.get([]byte(p.key))
		if err != nil {
			return err
		}
		known := parseAccount(row)
		a := known.clip(now)
		if a != known {
			err = clipped.Set([]byte(p.key), a.row(), nil)
		}
		if a, wait := a.take(p, now, blocks); wait == nil {
			err = errors.Join(err, taken.Set([]byte(p.key), a.row(), nil))
		} else if refused == nil {
			refused = wait
		}
		if err != nil {
			return fmt.Errorf("write party store: %w", err)
		}
	}
	if refused == nil {
		return s.apply(taken, pebble.NoSync)
	}
	if err := s.apply(clipped, pebble.NoSync); err != nil {
		return err
	}
	return refused
}

const tidyInterval = 24 * time.Hour

// tidy drops, once a day, the accounts of which nothing is used.
func (s *store) tidy(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	since := now.Sub(s.tidied) // below 0 where the clock was ahead
	if s.unable != nil || since >= 0 && since < tidyInterval {
		return s.unable
	}
	s.tidied = now
	rows, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{'q'}, UpperBound: []byte{'q' + 1}})
	if err != nil {
		return fmt.Errorf("read party store: %w", err)
	}
	batch := s.db.NewBatch()
	for rows.First(); rows.Valid(); rows.Next() {
		if a := parseAccount(rows.Value()); max(a[0], a[1]) <= now.UnixNano() {
			err = errors.Join(err, batch.Delete(rows.Key(), nil))
		}
	}
	if err = errors.Join(err, rows.Close()); err != nil {
		return fmt.Errorf("tidy party store: %w", err)
	}
	return s.commit(batch)
}
