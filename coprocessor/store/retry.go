package store

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"fhevm/fhe"
)

// Retried says what a retry has forgotten.
type Retried struct {
	Forgotten uint64    `json:"forgotten"` // failures
	Missing   uint64    `json:"missing"`   // wants whose ciphertext is to be computed now, of all that the log says
	Culprits  []Culprit `json:"culprits"`  // at most maxCulprits, as they were met
	Unlisted  uint64    `json:"unlisted"`  // forgotten failures of further culprits, or of none that can be read
}

// Culprit is a computation that failed, and took along what needs it.
type Culprit struct {
	Handle    fhe.Handle `json:"handle"`
	Reason    string     `json:"reason"`
	Forgotten uint64     `json:"forgotten"` // failures, its own and of what needs it
}

// maxCulprits bounds the culprits that a Retried describes.
const maxCulprits = 1000

// RetryAll forgets every failure and makes the wants that met one pending again.
// It is for an operator who has mended what made evaluations fail.
func (s *Store) RetryAll() (*Retried, error) {
	return s.retry(func(*Failure) bool { return true })
}

// Retry is RetryAll of the failures of some handles, at least one, and of all that
// name the same culprits. It fails, and forgets nothing, if a handle has no failure.
func (s *Store) Retry(handles ...fhe.Handle) (*Retried, error) {
	if len(handles) == 0 {
		return nil, errors.New("retry: name at least one handle")
	}
	culprits := make(map[fhe.Handle]bool)
	for _, h := range handles {
		f, err := s.failureOf(h)
		if err != nil {
			return nil, fmt.Errorf("retry: %w", err)
		}
		culprits[f.Handle] = true
	}
	return s.retry(func(f *Failure) bool { return f != nil && culprits[f.Handle] })
}

// failureOf is the failure of a handle, which must have one.
func (s *Store) failureOf(h fhe.Handle) (*Failure, error) {
	b, err := s.Binding(h)
	switch {
	case err != nil:
		return nil, err
	case b == nil:
		return nil, fmt.Errorf("handle %s has no failure: no block of the log defines it", h)
	}
	r, err := s.Result(b.Content)
	switch {
	case err != nil:
		return nil, err
	case r.Failure == nil:
		return nil, fmt.Errorf("handle %s has no failure", h)
	}
	return r.Failure, nil
}

// retry forgets the failures that picked picks; nil stands for one that does not
// decode.
func (s *Store) retry(picked func(*Failure) bool) (*Retried, error) {
	s.log.Lock()
	defer s.log.Unlock()
	r := &Retried{Culprits: []Culprit{}}
	err := s.update(pebble.Sync, func(b *pebble.Batch) error {
		err := s.pend(b, func(id ID) (bool, error) {
			v, err := s.get(b, keyContent(tableFailure, id))
			return v != nil && picked(decoded(v)), err
		})
		return errors.Join(err, s.forgetFailures(b, picked, r))
	})
	if err = errors.Join(err, s.countPending()); err != nil {
		return nil, err
	}
	r.Missing = uint64(s.Missing())
	return r, nil
}

// forgetFailures deletes what picked picks, and counts it.
func (s *Store) forgetFailures(b *pebble.Batch, picked func(*Failure) bool, r *Retried) error {
	listed := make(map[fhe.Handle]int)
	first, past := tableRange(tableFailure)
	return s.scan(first, past, func(key, value []byte) error {
		f := decoded(value)
		if !picked(f) {
			return nil
		}
		r.count(f, listed)
		return b.Delete(slices.Clone(key), nil)
	})
}

// count adds a forgotten failure; listed are the places of the culprits.
func (r *Retried) count(f *Failure, listed map[fhe.Handle]int) {
	r.Forgotten++
	if f == nil {
		r.Unlisted++
		return
	}
	i, known := listed[f.Handle]
	switch {
	case known:
		r.Culprits[i].Forgotten++
	case len(r.Culprits) < maxCulprits:
		listed[f.Handle] = len(r.Culprits)
		r.Culprits = append(r.Culprits, Culprit{Handle: f.Handle, Reason: f.Reason, Forgotten: 1})
	default:
		r.Unlisted++
	}
}

// decoded is a failure, nil if its record is damaged: whoever reads it then drops it.
func decoded(value []byte) *Failure {
	f, err := parseFailure(value)
	if err != nil {
		return nil
	}
	return f
}
