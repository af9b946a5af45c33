// Package storage looks after the ciphertext store of a node that is stopped.
package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"fhevm/coprocessor"
	"fhevm/coprocessor/store"
	"fhevm/disk"
	"fhevm/fhe"
	"fhevm/node/network"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Progress is told how far a stage is.
type Progress = func(stage string, done, total int)

// with opens the store in a node's data folder, does work and closes it.
func with(data string, readOnly bool, log *slog.Logger, work func(*store.Store) error) error {
	dir := filepath.Join(data, "coprocessor")
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is no data folder of a node: it has no folder \"coprocessor\"", data)
	}
	s, err := store.OpenExisting(vfs.Default, dir, readOnly, log)
	if err != nil {
		return err
	}
	return errors.Join(work(s), s.Close())
}

// Stat counts what is stored.
func Stat(data string, log *slog.Logger, progress Progress) (stat *store.Stat, err error) {
	err = with(data, true, log, func(s *store.Store) (err error) {
		stat, err = s.Stat(progress)
		return err
	})
	return stat, err
}

// Verify looks at every record, and repairs what is wrong if it is told to.
func Verify(ctx context.Context, data string, repair bool, log *slog.Logger, progress Progress) (report *store.Report, err error) {
	err = with(data, !repair, log, func(s *store.Store) (err error) {
		if repair {
			report, err = s.Repair(ctx, progress)
		} else {
			report, err = s.Verify(ctx, progress)
		}
		return err
	})
	return report, err
}

// Prune drops what a policy lets go, and gives the space back to the disk.
func Prune(ctx context.Context, data string, how store.Pruning, log *slog.Logger) (pruned store.Pruned, err error) {
	err = with(data, how.DryRun, log, func(s *store.Store) (err error) {
		if pruned, err = s.Prune(ctx, how); err != nil || how.DryRun {
			return err
		}
		how.Progress("compact", 0, 1)
		err = s.Compact(ctx)
		how.Progress("compact", 1, 1)
		return err
	})
	return pruned, err
}

// Policy is what Prune keeps: packed results and squashed ciphertexts for that
// many blocks, no bare results that no pending work takes.
func Policy(results, squashed uint64) store.Policy {
	return store.Policy{Results: results, Squashed: squashed, Bare: true}
}

// Pruning is Prune's instruction.
func Pruning(policy store.Policy, dryRun bool, progress Progress) store.Pruning {
	return store.Pruning{Policy: policy, DryRun: dryRun, Progress: progress}
}

// Selection is what an export takes.
type Selection = store.Selection

// Export writes an archive of ciphertexts. If signer is not "", the coprocessor
// key in that network folder vouches for each digest.
func Export(ctx context.Context, w io.Writer, data string, what Selection, signer network.Folder, log *slog.Logger, progress Progress) (result *store.Exported, err error) {
	err = with(data, true, log, func(s *store.Store) (err error) {
		how := store.Exporting{Selection: what, Progress: progress}
		if signer != "" {
			if how.Sign, err = sign(signer, s.Domain()); err != nil {
				return err
			}
		}
		result, err = s.Export(ctx, w, how)
		return err
	})
	return result, err
}

// ExportFile is Export to a file, - for standard output. A file that is there stays
// until the archive is whole; what is no regular file, as a pipe, is written as it is.
func ExportFile(ctx context.Context, path, data string, what Selection, signer network.Folder, log *slog.Logger, progress Progress) (result *store.Exported, err error) {
	export := func(w io.Writer) (_ int64, err error) {
		result, err = Export(ctx, w, data, what, signer, log, progress)
		return 0, err
	}
	info, missing := os.Stat(path)
	switch {
	case path == "-":
		_, err = export(os.Stdout)
	case missing == nil && !info.Mode().IsRegular():
		err = write(path, export)
	default:
		err = disk.Replace(path, 0o644, export)
	}
	return result, err
}

func write(path string, export func(io.Writer) (int64, error)) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = export(f)
	return errors.Join(err, f.Close())
}

func sign(folder network.Folder, domain fhe.Domain) (func(fhe.Handle, fhe.Digest) ([]byte, error), error) {
	keys, err := folder.NodeIdentity()
	if err != nil {
		return nil, err
	}
	secret := keys.Signer.Serialize()
	defer clear(secret)
	key, err := coprocessor.NewKey(secret)
	if err != nil {
		return nil, err
	}
	return func(h fhe.Handle, digest fhe.Digest) ([]byte, error) {
		return key.Sign(fhe.Attestation(domain, h, fhe.OfCiphertext, digest))
	}, nil
}

// Trust says whose digests an import takes: those that one of the signers
// signed, or all.
type Trust struct {
	Signers    []fhe.Address
	Everything bool
}

// Import reads an archive into a store.
func Import(ctx context.Context, r io.Reader, data string, trust Trust, log *slog.Logger, progress func(records int)) (result *store.Exported, err error) {
	err = with(data, false, log, func(s *store.Store) (err error) {
		result, err = s.Import(ctx, r, store.Importing{
			Accept:   func(r *store.Record) error { return trust.accept(s.Domain(), r) },
			Progress: progress,
		})
		return err
	})
	return result, err
}

func (t Trust) accept(domain fhe.Domain, r *store.Record) error {
	if t.Everything {
		return nil
	}
	if len(r.Signature) == 0 {
		return errors.New("it is not signed")
	}
	d := coprocessor.SignedDigest{Handle: r.Handle, Kind: fhe.OfCiphertext, Digest: r.Digest, Signature: r.Signature}
	signer, err := d.Recover(domain)
	if err != nil || !slices.Contains(t.Signers, signer) {
		return errors.New("it is signed by nobody who is trusted")
	}
	return nil
}

// ParseTrust reads the signers' addresses.
func ParseTrust(signers []string, everything bool) (t Trust, err error) {
	t.Everything = everything
	for _, s := range signers {
		var a fhe.Address
		if err := a.UnmarshalText([]byte(s)); err != nil {
			return t, fmt.Errorf("signer %q: %w", s, err)
		}
		t.Signers = append(t.Signers, a)
	}
	if len(t.Signers) == 0 && !everything {
		return t, errors.New("name the coprocessors whose signatures count by --signer, or take everything from a store of your own by --trust")
	}
	return t, nil
}

// ParseSelection reads the handles to export.
func ParseSelection(handles []string, all bool) (s Selection, err error) {
	s.All = all
	s.Handles, err = parseHandles(handles)
	return s, err
}

func parseHandles(texts []string) (handles []fhe.Handle, err error) {
	for _, text := range texts {
		var h fhe.Handle
		if err := h.UnmarshalText([]byte(text)); err != nil {
			return nil, fmt.Errorf("handle %q: %w", text, err)
		}
		handles = append(handles, h)
	}
	return handles, nil
}
