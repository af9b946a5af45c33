package store

import (
	"errors"
	"fmt"

	"fhevm/fhe"
	"fhevm/fhe/radix"
)

// checkLists looks at the input lists that are not expanded. One that is
// damaged is read from the chain when it is needed.
func (v *verifier) checkLists() error {
	return v.walk(tableList, func(key, value []byte, err error) error {
		err = errors.Join(err, checkList(value, fhe.Digest(key[1:])))
		if err != nil {
			return v.lost(key, "%v", err)
		}
		return nil
	})
}

// checkStaged looks at the lists that wallets posted and no block has named. A
// damaged one is dropped: its wallet gets an error, and posts again.
func (v *verifier) checkStaged() error {
	return v.walk(tableStaged, func(key, value []byte, err error) error {
		if err == nil && len(value) < 8 {
			err = sizeError("posted input list", len(value), 8)
		}
		if err == nil {
			err = checkList(value[8:], fhe.Digest(key[1:]))
		}
		if err != nil {
			return v.lost(key, "%v", err)
		}
		return nil
	})
}

func checkList(enc []byte, digest fhe.Digest) error {
	list, err := ParseList(enc)
	if err == nil && list.List != digest {
		err = errors.New("its digest is another")
	}
	return err
}

// checkResults compares each digest with the packed ciphertext, if that is kept.
func (v *verifier) checkResults() error {
	err := v.walk(tableResult, func(key, value []byte, err error) error {
		id := ID(key[1:])
		result, parseErr := parseResult(value)
		if err = errors.Join(err, parseErr); err != nil {
			return v.lost(key, "%v", err)
		}
		n, err := v.Node(id)
		if err != nil {
			return v.lost(key, "the node of its content is missing or damaged")
		}
		if !result.Ready {
			return nil
		}
		at := v.Group(id, n)
		v.kept.add(at)
		err = v.checkKept(id, n)
		var damage *DamageError
		if errors.As(err, &damage) && damage.Key[0] == tablePacked {
			return v.lostTo(damage)
		}
		if errors.Is(err, ErrDropped) { // just now, with another that is packed with it
			return nil
		}
		return err
	})
	v.kept.sort()
	return err
}

func (v *verifier) checkKept(id ID, n *Node) error {
	b, err := v.Kept(id, n)
	if err != nil {
		return err
	}
	p := new(radix.Packed)
	if err := p.UnmarshalBinary(b); err != nil {
		return v.damagedPacked(v.Group(id, n), id, err)
	}
	types := p.Types()
	if int(n.Index) >= len(types) {
		return v.damagedPacked(v.Group(id, n), id, fmt.Errorf("it holds %d values, not value %d", len(types), n.Index))
	}
	if want := n.resultType(); types[n.Index] != want {
		return v.damagedPacked(v.Group(id, n), id, fmt.Errorf("value %d is a %s, want %s", n.Index, types[n.Index], want))
	}
	return nil
}

func (n *Node) resultType() fhe.Type {
	row, err := n.Op.Operator()
	if n.Kind != Operation || err != nil {
		return n.Handle.Type()
	}
	return row.Results(n.Type)[n.Index]
}

func (v *verifier) checkFailures() error {
	return v.walk(tableFailure, func(key, value []byte, err error) error {
		_, parseErr := parseFailure(value)
		if err = errors.Join(err, parseErr); err != nil {
			return v.lost(key, "%v", err)
		}
		return nil
	})
}

// checkPacked finds packed ciphertexts that no result names: those that one
// names have been looked at.
func (v *verifier) checkPacked() error {
	return v.walk(tablePacked, func(key, _ []byte, _ error) error {
		if !v.kept.has(ID(key[1:])) {
			return v.lost(key, "no result names it")
		}
		return nil
	})
}

func (v *verifier) checkBare() error {
	return v.walk(tableBare, func(key, value []byte, err error) error {
		if err == nil {
			err = new(radix.Ciphertext).UnmarshalBinary(value)
		}
		if err != nil {
			return v.lost(key, "%v", err)
		}
		return nil
	})
}

func (v *verifier) checkSquashed() error {
	return v.walk(tableSquashed, func(key, value []byte, err error) error {
		if err == nil {
			var record []byte
			if record, err = v.get(v.db, append([]byte{tableUse}, key[1:]...)); err == nil {
				err = checkUse(record, value)
			}
		}
		if err != nil {
			return v.lost(key, "%v", err)
		}
		return nil
	})
}

func checkUse(record, squashed []byte) error {
	u, err := parseUse(record)
	if err == nil && u.Digest != fhe.Keccak(squashed) {
		err = errors.New("their digest is another than when they were stored")
	}
	return err
}

// checkUses finds what is left of squashed ciphertexts that are gone.
func (v *verifier) checkUses() error {
	return v.walk(tableUse, func(key, _ []byte, _ error) error {
		there, err := v.has(v.db, append([]byte{tableSquashed}, key[1:]...))
		if err == nil && !there {
			return v.lost(key, "the ciphertexts are missing")
		}
		return nil
	})
}
