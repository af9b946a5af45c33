package store

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// tables names every table, in the order in which people are told of them.
var tables = []struct {
	letter byte
	name   string
	key    int // bytes, with the letter
}{
	{tableMeta, "format and cursor", 1 + 1},
	{tableBlock, "block", 1 + 8},
	{tableBinding, "binding", 1 + 32},
	{tableWant, "want", 1 + 32},
	{tablePending, "pending want", 1 + positionSize},
	{tableNode, "node", 1 + 32},
	{tableList, "input list", 1 + 32},
	{tableStaged, "posted input list", 1 + 32},
	{tableResult, "result", 1 + 32},
	{tableFailure, "failure", 1 + 32},
	{tablePacked, "packed ciphertext", 1 + 32},
	{tableBare, "bare ciphertext", 1 + 32},
	{tableSquashed, "squashed ciphertexts", 1 + 64},
	{tableUse, "use of squashed ciphertexts", 1 + 64},
}

// keySize is that of every key of a table, 0 if there is no such table.
func keySize(letter byte) int {
	for _, t := range tables {
		if t.letter == letter {
			return t.key
		}
	}
	return 0
}

func tableName(letter byte) string {
	for _, t := range tables {
		if t.letter == letter {
			return t.name
		}
	}
	return fmt.Sprintf("table %q", letter)
}

// Stat counts what a store holds.
type Stat struct {
	Tables   []TableStat `json:"tables"`
	Block    *uint64     `json:"block"`    // last of the log; null before the first
	Pending  uint64      `json:"pending"`  // wants whose ciphertext is missing
	Failures uint64      `json:"failures"` // contents that cannot be computed
	Dropped  uint64      `json:"dropped"`  // results whose packed ciphertext is not kept
	Disk     uint64      `json:"disk"`     // bytes in files
}

// TableStat is the size of one table: its keys and values.
type TableStat struct {
	Table string `json:"table"`
	Amount
}

// Stat counts the records of every table. It reads keys, not the ciphertexts.
func (s *Store) Stat(progress func(stage string, done, total int)) (*Stat, error) {
	stat := &Stat{Disk: s.db.Metrics().DiskSpaceUsage()}
	for _, t := range tables {
		amount, err := s.amount(t.letter, func(it *pebble.Iterator) {
			progress("count "+t.name, portion(it.Key()), wholeTable)
			if value := it.LazyValue(); t.letter == tableResult && value.Len() == 33 {
				stat.Dropped++
			}
		})
		if err != nil {
			return nil, err
		}
		stat.Tables = append(stat.Tables, TableStat{t.name, amount})
		switch t.letter {
		case tablePending:
			stat.Pending = amount.Records
		case tableFailure:
			stat.Failures = amount.Records
		}
	}
	cursor, ok, err := s.Cursor()
	if ok {
		stat.Block = &cursor.Number
	}
	return stat, err
}

func (s *Store) amount(table byte, visit func(it *pebble.Iterator)) (a Amount, err error) {
	first, past := tableRange(table)
	err = s.scanKeys(first, past, func(it *pebble.Iterator) error {
		visit(it)
		value := it.LazyValue()
		a.add(len(it.Key()) + value.Len())
		return nil
	})
	return a, err
}
