package store

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// kinds name the tables by what they hold.
var kinds = map[string][]byte{
	"log":      {tableBlock, tableBinding, tableNode, tableList, tableWant, tablePending},
	"results":  {tableResult, tableFailure},
	"packed":   {tablePacked},
	"bare":     {tableBare},
	"squashed": {tableSquashed},
}

// Usage is what a Store takes, in bytes.
type Usage struct {
	Kinds  map[string]uint64 // on disk: "log", "results", "packed", "bare" and "squashed"; estimates, which tell megabytes apart
	Disk   uint64            // all files
	Memory uint64            // for what is not in Kinds yet
}

// Usage measures the store without reading it.
func (s *Store) Usage() (Usage, error) {
	if err := s.sound(); err != nil {
		return Usage{}, err
	}
	m := s.db.Metrics()
	u := Usage{Kinds: make(map[string]uint64, len(kinds)), Disk: m.DiskSpaceUsage(), Memory: m.MemTable.Size}
	for kind, tables := range kinds {
		u.Kinds[kind] = 0
		for _, table := range tables {
			n, err := s.db.EstimateDiskUsage(tableRange(table))
			if err != nil {
				return Usage{}, fmt.Errorf("measure the ciphertext store: %w", err)
			}
			u.Kinds[kind] += n
		}
	}
	return u, nil
}

// Probe writes to the disk and waits for it: the format record as it is.
func (s *Store) Probe() error {
	return s.update(pebble.Sync, func(b *pebble.Batch) error { return b.Set(keyFormat, s.domain.Append([]byte{format}), nil) })
}
