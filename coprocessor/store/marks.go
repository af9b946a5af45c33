package store

import (
	"encoding/binary"
	"slices"

	"fhevm/fhe"
)

// marks are the contents that a pruning keeps: packed, those that the log wants
// and those that pending work takes from storage; bare, those that it takes bare.
type marks struct{ packed, bare idSet }

// mark finds them.
func (p *pruner) mark() error {
	err := p.wants(func(id ID) error {
		p.packed.add(id)
		return nil
	})
	if err != nil {
		return err
	}
	if err := p.markPending(); err != nil {
		return err
	}
	p.packed.sort()
	p.bare.sort()
	return nil
}

// wants calls visit with the content of each handle that is wanted and bound.
func (s *Store) wants(visit func(ID) error) error {
	first, past := tableRange(tableWant)
	return s.scan(first, past, func(key, _ []byte) error {
		if len(key) != 1+32 {
			return damaged(key, sizeError("key of a want", len(key), 1+32))
		}
		binding, err := s.Binding(fhe.Handle(key[1:]))
		if binding == nil || err != nil {
			return err
		}
		return visit(binding.Content)
	})
}

// markPending walks back from the pending wants to what is there, as the
// scheduler does.
func (p *pruner) markPending() error {
	w := walk{s: p.Store, marks: &p.marks, seen: make(map[ID]bool)}
	first, past := tableRange(tablePending)
	err := p.scan(first, past, func(key, value []byte) error {
		if len(value) != 32 {
			return damaged(key, sizeError("pending want", len(value), 32))
		}
		return w.need(ID(value), false)
	})
	if err != nil {
		return err
	}
	for len(w.todo) > 0 {
		id := w.todo[len(w.todo)-1]
		w.todo = w.todo[:len(w.todo)-1]
		if err := w.operands(id); err != nil {
			return err
		}
	}
	return nil
}

type walk struct {
	s *Store
	*marks
	seen map[ID]bool // computations that are missing
	todo []ID
}

// need marks a content, and has the walk go on behind it if it is missing in the
// form that is taken.
func (w *walk) need(id ID, bare bool) error {
	result, err := w.s.Result(id)
	if err != nil || result.Failure != nil {
		return err
	}
	there := result.Ready
	if bare {
		w.bare.add(id)
		kept, err := w.s.HasBare(id)
		if err != nil {
			return err
		}
		there = there && kept
	}
	w.packed.add(id) // of an input that is taken bare, too
	if !there && !w.seen[id] {
		w.seen[id] = true
		w.todo = append(w.todo, id)
	}
	return nil
}

func (w *walk) operands(id ID) error {
	n, err := w.s.Node(id)
	if err != nil {
		return err
	}
	for _, o := range n.Operands {
		if o.Kind == fhe.Clear {
			continue
		}
		if err := w.need(ID(o.Word), o.Kind == fhe.Made); err != nil {
			return err
		}
	}
	return nil
}

// idSet holds ids by their first eight bytes: one that is found by mistake is
// kept, which costs its space and nothing else.
type idSet struct {
	sorted []uint64
	late   map[uint64]bool // added since
}

func (s *idSet) add(id ID) {
	v := binary.BigEndian.Uint64(id[:])
	if s.late == nil {
		s.sorted = append(s.sorted, v)
		return
	}
	s.late[v] = true
}

// sort must be called before has.
func (s *idSet) sort() {
	slices.Sort(s.sorted)
	s.sorted = slices.Compact(s.sorted)
	s.late = make(map[uint64]bool)
}

func (s *idSet) has(id ID) bool {
	v := binary.BigEndian.Uint64(id[:])
	_, found := slices.BinarySearch(s.sorted, v)
	return found || s.late[v]
}
