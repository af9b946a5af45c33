package storage

import (
	"errors"
	"log/slog"

	"fhevm/coprocessor/store"
	"fhevm/fhe"
)

// Retrying says which failures a retry forgets: all, or those of some handles and
// of whatever failed by the same culprits.
type Retrying struct {
	Handles []fhe.Handle
	All     bool
}

// ParseRetrying reads the handles, and wants either them or all.
func ParseRetrying(handles []string, all bool) (r Retrying, err error) {
	r.All = all
	if r.Handles, err = parseHandles(handles); err != nil {
		return r, err
	}
	if all == (len(r.Handles) > 0) {
		return r, errors.New("name the handles to compute again by --handle, or take every failure by --all: one of both")
	}
	return r, nil
}

// Retry forgets failures, so that the node computes again what met them when it is
// started. It fails, and forgets nothing, if a handle has no failure.
func Retry(data string, which Retrying, log *slog.Logger) (retried *store.Retried, err error) {
	err = with(data, false, log, func(s *store.Store) (err error) {
		if which.All {
			retried, err = s.RetryAll()
		} else {
			retried, err = s.Retry(which.Handles...)
		}
		return err
	})
	return retried, err
}
