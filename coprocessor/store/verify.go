package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"
)

// Problem is something wrong with a record, and what mends it.
type Problem struct {
	Table  string `json:"table"`
	Key    string `json:"key"` // hexadecimal, behind the table's letter
	What   string `json:"what"`
	Remedy Remedy `json:"remedy"`
}

// Remedy says what a repair does about a problem.
type Remedy string

// Remedies.
const (
	Recompute Remedy = "dropped, and computed again when it is needed"
	Refollow  Remedy = "the log goes back to the last good block, and the node follows the chain again from there"
	Renew     Remedy = "the table is made anew from the others"
)

// Report is the result of Verify.
type Report struct {
	Records  uint64    `json:"records"`  // that were looked at
	Found    uint64    `json:"found"`    // problems
	Problems []Problem `json:"problems"` // the first of them
	// Block is where the log ends after a repair that took it back: null if it
	// starts anew, as it does not end elsewhere than before without Refollow.
	Block *uint64 `json:"block"`
}

// maxProblems bounds the problems that a Report describes.
const maxProblems = 1000

// Verify looks at every record: whether it can be read, decodes, is what its
// digest says and fits the others. It changes nothing, and the log must not
// grow meanwhile.
func (s *Store) Verify(ctx context.Context, progress func(stage string, done, total int)) (*Report, error) {
	v := &verifier{Store: s, ctx: ctx, progress: progress, report: &Report{Problems: []Problem{}}, floor: math.MaxUint64}
	return v.report, v.run()
}

// maxRounds bounds a repair: each round may show what the one before it hid.
const maxRounds = 8

// Repair drops what Verify finds and can be computed again, and takes the log
// back below the first block that is damaged. It reports what it found at first.
func (s *Store) Repair(ctx context.Context, progress func(stage string, done, total int)) (*Report, error) {
	first := new(Report)
	for round := range maxRounds {
		v := &verifier{Store: s, ctx: ctx, progress: progress, report: &Report{Problems: []Problem{}}, floor: math.MaxUint64, repair: true}
		err := v.run()
		if round == 0 {
			first = v.report
		}
		if err != nil {
			return first, err
		}
		if v.report.Found == 0 {
			cursor, ok, err := s.Cursor()
			if ok {
				first.Block = &cursor.Number
			}
			return first, err
		}
		if err := v.mend(); err != nil {
			return first, fmt.Errorf("repair: %w", err)
		}
	}
	return first, errors.New("the store is still damaged after a repair: " + startAnew)
}

// verifier is one round.
type verifier struct {
	*Store
	ctx      context.Context
	progress func(stage string, done, total int)
	report   *Report
	repair   bool

	floor    uint64      // the first damaged block of the log
	badNodes map[ID]bool // to be named anew by the log
	bad      [][]byte    // keys of other records of the log that are not what a block says
	bound    uint64      // handles that the blocks say they bound
	wanted   uint64      // handles that the blocks say they wanted
	last     uint64      // block of the log
	wants    idSet       // contents
	pends    idSet       // contents
	kept     idSet       // places of packed ciphertexts that results name
}

func (v *verifier) run() error {
	v.badNodes = make(map[ID]bool)
	for _, check := range []func() error{
		v.checkNodes, v.checkBlocks, v.checkBindings, v.checkWants, v.checkLists, v.checkStaged,
		v.checkResults, v.checkFailures, v.checkPacked, v.checkBare, v.checkSquashed, v.checkUses,
		v.checkPending, v.checkStrays,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) found(key []byte, remedy Remedy, what string, args ...any) {
	v.report.Found++
	if len(v.report.Problems) < maxProblems {
		v.report.Problems = append(v.report.Problems, Problem{tableName(key[0]), fmt.Sprintf("%x", key[1:]), fmt.Sprintf(what, args...), remedy})
	}
}

// lost reports a record that a repair drops at once.
func (v *verifier) lost(key []byte, what string, args ...any) error {
	return v.lostTo(&DamageError{Key: key, Err: fmt.Errorf(what, args...)})
}

func (v *verifier) lostTo(damage *DamageError) error {
	v.found(damage.Key, Recompute, "%v", damage.Err)
	if !v.repair {
		return nil
	}
	return v.update(pebble.NoSync, func(b *pebble.Batch) error {
		_, err := v.forget(b, damage) // the pending wants are made anew at the end
		return err
	})
}

// refollow reports damage of what the log said in a block.
func (v *verifier) refollow(key []byte, block uint64, what string, args ...any) {
	v.found(key, Refollow, what, args...)
	v.floor = min(v.floor, block)
}

// walk visits every record of a table that can be read; err is why its value
// cannot.
func (v *verifier) walk(table byte, visit func(key, value []byte, err error) error) error {
	first, past := tableRange(table)
	for bytes.Compare(first, past) < 0 {
		stopped, err := v.walkFrom(first, past, visit)
		var damage *DamageError
		if !errors.As(err, &damage) {
			return err
		}
		next, err := v.readableFrom(stopped, past)
		if err != nil {
			return err
		}
		v.found(stopped, remedyOf(table), "the records from here to %x cannot be read: %v", next, damage.Err)
		if v.repair { // what is missing by that shows in the next round
			if err := v.cutOut(stopped, next); err != nil {
				return fmt.Errorf("cut out an unreadable part: %w", err)
			}
		}
		first = next
	}
	return nil
}

// cutOut removes the records from start to end, which cannot be read from some key behind
// start on. The cut begins with a record that can be read, and that one is written anew: a cut
// behind it would leave a file whose reader looks into the unreadable part for its end.
func (v *verifier) cutOut(start, end []byte) error {
	start, value, err := v.lastUpTo(start)
	if err != nil {
		return err
	}
	if err := v.db.Excise(v.ctx, pebble.KeyRange{Start: start, End: end}); err != nil || value == nil {
		return err
	}
	return v.db.Set(start, value, pebble.Sync)
}

// lastUpTo is the last record up to key, of its table or of one before, that can be read;
// just key where there is none.
func (v *verifier) lastUpTo(key []byte) (last, value []byte, err error) {
	if len(key) > 1 {
		value, err = v.get(v.db, key)
		return key, value, unlessDamaged(err)
	}
	for table := key[0]; table > 0 && last == nil; table-- {
		err := v.scanKeys([]byte{table - 1}, []byte{table}, func(it *pebble.Iterator) error {
			last = append(last[:0], it.Key()...)
			return nil
		})
		if err := unlessDamaged(err); err != nil {
			return nil, nil, err
		}
	}
	if last == nil {
		return key, nil, nil
	}
	return v.lastUpTo(last)
}

func remedyOf(table byte) Remedy {
	switch {
	case recomputable(table):
		return Recompute
	case table == tablePending:
		return Renew
	}
	return Refollow
}

// walkFrom returns the last key that it has come to when it fails, or else first.
func (v *verifier) walkFrom(first, past []byte, visit func(key, value []byte, err error) error) (stopped []byte, err error) {
	stopped = bytes.Clone(first)
	name := "verify " + tableName(first[0])
	err = v.scanKeys(first, past, func(it *pebble.Iterator) error {
		if err := v.ctx.Err(); err != nil {
			return err
		}
		key := bytes.Clone(it.Key())
		stopped = key
		v.report.Records++
		v.progress(name, portion(key), wholeTable)
		if want := keySize(key[0]); want > 0 && len(key) != want {
			return v.lost(key, "the key has %d bytes, want %d", len(key), want)
		}
		lazy := it.LazyValue()
		value, _, err := lazy.Value(nil)
		// Damage of another record is reported by the walk through its own table.
		return unlessDamaged(visit(key, value, err))
	})
	return stopped, err
}

// readableFrom finds a key behind a part of a table that cannot be read.
func (v *verifier) readableFrom(key, past []byte) ([]byte, error) {
	at := uint64(portion32(key))
	for step := uint64(1); at+step < 1<<32; step *= 2 {
		next := keyAt(key[0], at+step)
		it, err := v.db.NewIter(&pebble.IterOptions{LowerBound: next, UpperBound: past})
		if err != nil {
			return nil, err
		}
		it.First()
		if it.Close() == nil {
			return next, nil
		}
	}
	return past, nil
}

// portion32 is the first four bytes behind a table's letter.
func portion32(key []byte) (v uint32) {
	for i := 1; i < 5; i++ {
		v <<= 8
		if i < len(key) {
			v |= uint32(key[i])
		}
	}
	return v
}

func keyAt(table byte, portion uint64) []byte {
	return []byte{table, byte(portion >> 24), byte(portion >> 16), byte(portion >> 8), byte(portion)}
}

// checkStrays finds records of tables that do not exist.
func (v *verifier) checkStrays() error {
	known := make(map[byte]bool)
	for _, t := range tables {
		known[t.letter] = true
	}
	for letter := byte(0); letter < 0xff; letter++ {
		if known[letter] {
			continue
		}
		err := v.walk(letter, func(key, _ []byte, _ error) error { return v.lost(key, "there is no such table") })
		if err != nil {
			return err
		}
	}
	return nil
}
