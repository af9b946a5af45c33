package main

import (
	"context"
	"encoding/binary"
	"sync/atomic"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/radix"

	"golang.org/x/sync/errgroup"
)

// uint64s are n encrypted operands.
func (m *machine) uint64s(ctx context.Context, n int) ([]radix.Operand, error) {
	list := make([]radix.Operand, n)
	for i := range list {
		var err error
		if list[i], err = m.input(ctx, fhe.Uint64, i); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// zero is a public zero.
func (m *machine) zero(ctx context.Context) (radix.Operand, error) {
	return m.first(ctx, fhe.Trivial, radix.Clear(new(uint256.Int)))
}

// first is the first result of an operation on uint64.
func (m *machine) first(ctx context.Context, op fhe.Op, operands ...radix.Operand) (radix.Operand, error) {
	out, err := m.Eval(ctx, op, fhe.Uint64, operands...)
	if err != nil {
		return radix.Operand{}, err
	}
	return radix.Encrypted(out[0]), nil
}

// selectZero is a choice between a value and a public zero.
func selectZero(ctx context.Context, m *machine) (func() error, error) {
	value, err := m.input(ctx, fhe.Uint64, 0)
	if err != nil {
		return nil, err
	}
	control, err := m.input(ctx, fhe.Bool, 0)
	if err != nil {
		return nil, err
	}
	zero, err := m.zero(ctx)
	return func() error { _, err := m.first(ctx, fhe.Select, control, value, zero); return err }, err
}

// castInt16 extends a value by its sign.
func castInt16(ctx context.Context, m *machine) (func() error, error) {
	value, err := m.input(ctx, fhe.Int16, 0)
	return func() error { _, err := m.Eval(ctx, fhe.Cast, fhe.Int64, value); return err }, err
}

// lookup reads a table of 256 entries.
func lookup(row fhe.Operator, t fhe.Type) preparation {
	entries := make([]uint16, radix.TableSize)
	for i := range entries {
		entries[i] = uint16(uint8(37 * i))
	}
	return func(ctx context.Context, m *machine) (func() error, error) {
		types := row.Signature(t, 0)
		indices := make([]*radix.Ciphertext, len(types))
		for i, typ := range types {
			index, err := m.input(ctx, typ, i)
			if err != nil {
				return nil, err
			}
			indices[i] = index.Encrypted
		}
		return func() error { _, err := m.Lookup(ctx, entries, t, indices...); return err }, nil
	}
}

// transfer is what a confidential transfer computes as contracts write it:
// move the amount if the balance covers it, else zero.
func transfer(ctx context.Context, m *machine) (func() error, error) {
	args, err := m.uint64s(ctx, 3)
	return func() error { _, err := m.transfer(ctx, args[0], args[1], args[2]); return err }, err
}

// transfer returns both new balances and the amount that moved.
func (m *machine) transfer(ctx context.Context, from, to, amount radix.Operand) (out [3]radix.Operand, err error) {
	covered, err := m.first(ctx, fhe.Ge, from, amount)
	if err != nil {
		return out, err
	}
	zero, err := m.zero(ctx)
	if err != nil {
		return out, err
	}
	sent, err := m.first(ctx, fhe.Select, covered, amount, zero)
	if err != nil {
		return out, err
	}
	out[2] = sent
	var both errgroup.Group
	both.Go(func() (err error) { out[0], err = m.first(ctx, fhe.Sub, from, sent); return err })
	both.Go(func() (err error) { out[1], err = m.first(ctx, fhe.Add, to, sent); return err })
	return out, both.Wait()
}

// transferStored is a transfer whose operands come from storage, and whose
// results go there.
func transferStored(ctx context.Context, m *machine) (func() error, error) {
	args, err := m.uint64s(ctx, 3)
	if err != nil {
		return nil, err
	}
	var stored [3]*radix.Packed
	for i, a := range args {
		if stored[i], err = m.storage.Pack(a.Encrypted); err != nil {
			return nil, err
		}
	}
	return func() error {
		var in [3]radix.Operand
		if err := forEach(stored, func(i int, p *radix.Packed) error {
			c, err := m.storage.Unpack(ctx, p, 0, fhe.Digest{uint8(i)})
			in[i] = radix.Encrypted(c)
			return err
		}); err != nil {
			return err
		}
		out, err := m.transfer(ctx, in[0], in[1], in[2])
		if err != nil {
			return err
		}
		return forEach(out, func(_ int, o radix.Operand) error {
			_, err := m.storage.Pack(o.Encrypted)
			return err
		})
	}, nil
}

// forEach calls f for all of list at a time.
func forEach[T any](list [3]T, f func(i int, v T) error) error {
	var all errgroup.Group
	for i, v := range list {
		all.Go(func() error { return f(i, v) })
	}
	return all.Wait()
}

// pack brings a value to its storage form.
func pack(ctx context.Context, m *machine) (func() error, error) {
	value, err := m.input(ctx, fhe.Uint64, 0)
	return func() error { _, err := m.storage.Pack(value.Encrypted); return err }, err
}

// unpack takes a value from its storage form.
func unpack(ctx context.Context, m *machine) (func() error, error) {
	value, err := m.input(ctx, fhe.Uint64, 0)
	if err != nil {
		return nil, err
	}
	packed, err := m.storage.Pack(value.Encrypted)
	return func() error { _, err := m.storage.Unpack(ctx, packed, 0, fhe.Digest{}); return err }, err
}

// draw draws values: any, or below a bound that is no power of two.
func draw(row fhe.Operator, t fhe.Type) preparation {
	var bound *uint256.Int
	if row.Op == fhe.RandBounded {
		bound = uint256.NewInt(1_000_000)
	}
	return func(ctx context.Context, m *machine) (func() error, error) { return m.draws(ctx, t, bound), nil }
}

// draws returns a function that draws from another seed each time.
func (m *machine) draws(ctx context.Context, t fhe.Type, bound *uint256.Int) func() error {
	var count atomic.Uint64
	return func() error {
		var seed [32]byte
		binary.BigEndian.PutUint64(seed[:], count.Add(1))
		_, err := m.Random(ctx, m.random, seed, t, bound)
		return err
	}
}
