package ceremony

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"

	"fhevm/disk"
)

// Journal is a file of records, each encrypted to its owner, that only grows.
// A record is on disk when Append returns; one that a crash cut off is dropped.
//
//	length(4) | record (age)
type Journal struct {
	file      *os.File
	recipient age.Recipient
}

// maxRecord bounds a record on disk, with what encryption adds.
const maxRecord = 1 << 21

// OpenJournal opens or creates the file and returns the records that it has.
func OpenJournal(path string, owner *age.HybridIdentity) (j *Journal, records [][]byte, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("journal %s: %w", path, err), file.Close())
		}
	}()
	records, size, err := readRecords(file, owner)
	if err != nil {
		return nil, nil, err
	}
	if err := file.Truncate(size); err != nil {
		return nil, nil, err
	}
	if _, err := file.Seek(size, io.SeekStart); err != nil {
		return nil, nil, err
	}
	if err := disk.SyncFolder(filepath.Dir(path)); err != nil {
		return nil, nil, err
	}
	return &Journal{file, owner.Recipient()}, records, nil
}

// readRecords reads whole records and their size on disk. A last one that is cut
// off ends them; one that does not decrypt is an error.
func readRecords(r io.Reader, owner age.Identity) (records [][]byte, size int64, err error) {
	for {
		var header [4]byte
		if _, err := io.ReadFull(r, header[:]); err != nil {
			return records, size, cutOff(err)
		}
		n := binary.BigEndian.Uint32(header[:])
		if n > maxRecord {
			return nil, 0, fmt.Errorf("record of %d bytes, want at most %d", n, maxRecord)
		}
		sealed := make([]byte, n)
		if _, err := io.ReadFull(r, sealed); err != nil {
			return records, size, cutOff(err)
		}
		record, err := unseal(sealed, owner)
		if err != nil {
			return nil, 0, fmt.Errorf("record %d: %w", len(records), err)
		}
		records, size = append(records, record), size+4+int64(n)
	}
}

func cutOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

func unseal(sealed []byte, owner age.Identity) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), owner)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, maxRecord))
}

// Append makes a record durable.
func (j *Journal) Append(record []byte) error {
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, j.recipient)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if _, err := w.Write(record); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(sealed.Len()))
	if _, err := j.file.Write(append(b, sealed.Bytes()...)); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return j.file.Sync()
}

// Close closes the file.
func (j *Journal) Close() error { return j.file.Close() }

// Erase overwrites a file once and removes it, durably. What a disk keeps of
// overwritten blocks is beyond it. A file that is not there is erased.
func Erase(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := io.CopyN(f, zeros{}, info.Size()); err != nil {
		return fmt.Errorf("overwrite %s: %w", path, err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("overwrite %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return disk.SyncFolder(filepath.Dir(path))
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
