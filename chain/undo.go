package chain

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/ethdb"
)

// undoing is the record on disk of the blocks that were undone. It makes undoing
// atomic: what it says is unfinished is finished when the chain is opened again.
type undoing struct {
	count  uint64 // how often blocks were undone
	target uint64 // last block that stays
	open   bool   // undoing has begun and has not ended
}

var undoingKey = []byte("fhevm-undoing")

const undoingSize = 8 + 8 + 1

func (u undoing) encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, u.count)
	b = binary.BigEndian.AppendUint64(b, u.target)
	if u.open {
		return append(b, 1)
	}
	return append(b, 0)
}

func parseUndoing(b []byte) (undoing, error) {
	if len(b) != undoingSize || b[16] > 1 {
		return undoing{}, fmt.Errorf("record of undone blocks has %d bytes or a wrong end, want %d", len(b), undoingSize)
	}
	return undoing{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), b[16] == 1}, nil
}

func readUndoing(db ethdb.KeyValueReader) (undoing, error) {
	if ok, err := db.Has(undoingKey); !ok || err != nil {
		return undoing{}, err
	}
	b, err := db.Get(undoingKey)
	if err != nil {
		return undoing{}, err
	}
	return parseUndoing(b)
}

// write returns when the record is on disk.
func (u undoing) write(db ethdb.KeyValueStore) error {
	return errors.Join(db.Put(undoingKey, u.encode()), db.SyncKeyValue())
}

// mark is the extra data of blocks, the count from the first undoing on. With
// it no block is ever the same as one that was undone.
func (u undoing) mark() []byte {
	if u.count == 0 {
		return nil
	}
	return binary.BigEndian.AppendUint64(nil, u.count)
}

// undo removes the blocks above target from the chain and from the disk. The
// caller holds mu.
func (s *sealer) undo(target uint64) error {
	if s.stopped {
		return errClosed
	}
	if s.eth.BlockChain().CurrentBlock().Number.Uint64() == target {
		return nil
	}
	s.undone = undoing{s.undone.count + 1, target, true}
	if err := s.undone.write(s.eth.ChainDb()); err != nil {
		return fmt.Errorf("undo the blocks above %d: %w", target, err)
	}
	return s.finishUndoing()
}

// finishUndoing does what the record says, from whatever state a crash left.
func (s *sealer) finishUndoing() error {
	chain, target := s.eth.BlockChain(), s.undone.target
	header := chain.GetHeaderByNumber(target)
	if header == nil {
		return fmt.Errorf("undo the blocks above %d: that one is missing", target)
	}
	s.finalise(header) // before the others go: a final block is always there
	if chain.CurrentBlock().Number.Uint64() > target {
		if err := chain.SetHead(target); err != nil {
			return fmt.Errorf("undo the blocks above %d: %w", target, err)
		}
	}
	s.undone.open = false
	err := errors.Join(wipe(s.eth.ChainDb(), target+1), s.undone.write(s.eth.ChainDb()), s.eth.TxPool().Sync())
	s.changed.fire()
	return err
}

// wipe deletes what an interrupted undoing left of the blocks from number on:
// go-ethereum moves its head first, and forgets what is above.
func wipe(db ethdb.Database, from uint64) error {
	batch := db.NewBatch()
	for n := from; ; n++ {
		hashes := rawdb.ReadAllHashes(db, n)
		if len(hashes) == 0 {
			return batch.Write()
		}
		for _, hash := range hashes {
			rawdb.DeleteBlock(batch, hash, n)
		}
		rawdb.DeleteCanonicalHash(batch, n)
	}
}
