package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"fhevm/fhe"
)

// Selection says which ciphertexts an export takes: those of the handles, or all
// that are kept, or by default those that the log wants.
type Selection struct {
	Handles []fhe.Handle
	All     bool
}

// Exporting is how ciphertexts are exported.
type Exporting struct {
	Selection
	// Sign vouches for the digest of a handle's ciphertext; optional.
	Sign     func(fhe.Handle, fhe.Digest) ([]byte, error)
	Progress func(stage string, done, total int)
}

// Exported is what became of an export or import: the records that were
// written, and why others were left out.
type Exported struct {
	Records uint64            `json:"records"`
	Known   uint64            `json:"known"` // that the store had already
	LeftOut map[string]uint64 `json:"leftOut"`
}

func (e *Exported) leaveOut(why string) {
	if e.LeftOut == nil {
		e.LeftOut = make(map[string]uint64)
	}
	e.LeftOut[why]++
}

// Export writes an archive of packed ciphertexts to w.
func (s *Store) Export(ctx context.Context, w io.Writer, how Exporting) (*Exported, error) {
	a, err := newArchiveWriter(w, s.domain)
	if err != nil {
		return nil, err
	}
	x := &exporter{Store: s, Exporting: how, ctx: ctx, archive: a, done: make(map[ID]bool), result: new(Exported)}
	if err := x.run(); err != nil {
		return x.result, err
	}
	x.result.Records = a.records
	return x.result, a.end()
}

type exporter struct {
	*Store
	Exporting
	ctx     context.Context
	archive *archiveWriter
	done    map[ID]bool // input lists, and what was asked for by handle
	wanted  idSet
	result  *Exported
}

func (x *exporter) run() error {
	if len(x.Handles) > 0 {
		for _, h := range x.Handles {
			if err := x.handle(h); err != nil {
				return err
			}
		}
		return nil
	}
	err := x.wants(func(id ID) error {
		x.wanted.add(id)
		return nil
	})
	if err != nil {
		return err
	}
	x.wanted.sort()
	first, past := tableRange(tableNode)
	return x.scan(first, past, func(key, value []byte) error {
		x.Progress("export", portion(key), wholeTable)
		n := new(Node)
		if err := n.UnmarshalBinary(value); err != nil {
			return damaged(key, err)
		}
		if !x.selected(ID(key[1:]), n) {
			return x.ctx.Err()
		}
		return errors.Join(x.ctx.Err(), x.content(ID(key[1:]), n, n.Handle))
	})
}

// selected reports whether to export what n names: an operation at its first
// result.
func (x *exporter) selected(id ID, n *Node) bool {
	switch n.Kind {
	case Operation:
		return n.Index == 0 && (x.All || slices.ContainsFunc(x.Results(id, n), x.wanted.has))
	case Input:
		return x.All || x.wanted.has(id)
	}
	return false
}

func (x *exporter) handle(h fhe.Handle) error {
	binding, err := x.Binding(h)
	if err != nil {
		return err
	}
	if binding == nil {
		x.result.leaveOut("the log has not defined the handle")
		return nil
	}
	n, err := x.Node(binding.Content)
	if err != nil {
		return err
	}
	return x.content(binding.Content, n, h)
}

// content exports what holds a content, under the name of a handle.
func (x *exporter) content(id ID, n *Node, h fhe.Handle) error {
	at := x.Group(id, n)
	if x.done[at] {
		return nil
	}
	if n.Kind == Input || len(x.Handles) > 0 {
		x.done[at] = true
	}
	packed, err := x.Kept(id, n)
	if errors.Is(err, ErrDropped) {
		x.result.leaveOut("it is not computed, or was pruned")
		return nil
	}
	if err != nil {
		return err
	}
	binding, err := x.Binding(h)
	if err != nil {
		return err
	}
	if binding == nil {
		x.result.leaveOut("its block was undone")
		return nil
	}
	r := &Record{Content: at, Digest: fhe.Keccak(packed), Handle: h, Derivation: binding.Derivation, Packed: packed}
	if x.Sign != nil {
		if r.Signature, err = x.Sign(h, r.Digest); err != nil {
			return fmt.Errorf("sign digest of %s: %w", h, err)
		}
	}
	return x.archive.add(r)
}
