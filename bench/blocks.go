package main

import (
	"context"
	"errors"
	"fmt"

	"fhevm/accel/fft"
	"fhevm/fhe/tfhe"
)

// batch is the number of bootstraps in a batch.
const batch = 64

// blockFigures lists the rows of bootstraps of single blocks, and of their
// larger part, the blind rotation.
func (m *machine) blockFigures() []figure {
	return []figure{
		{"bootstrap latency, one thread", "ms", 0, m.alone(m.bootstraps)},
		{fmt.Sprintf("bootstrap batch of %d, per core", batch), "ms", 0, m.perCore(m.bootstraps)},
		{"blind rotation latency, one thread", "ms", 0, m.alone(m.rotations)},
		{fmt.Sprintf("blind rotation batch of %d, per core", batch), "ms", 0, m.perCore(m.rotations)},
		{"blind rotation batch, fraction of the port limit", "", 0.8, m.portFraction},
	}
}

// batchInterface is our batch again, for a second way in which the peer runs
// one.
func (m *machine) batchInterface() figure {
	return figure{fmt.Sprintf("bootstrap batch of %d by the batch interface, per core", batch), "ms", 0, m.perCore(m.bootstraps)}
}

// measurement measures one figure.
type measurement = func(context.Context) (float64, error)

// alone is the time of one of the jobs that kind makes, in milliseconds.
func (m *machine) alone(kind func(n int) ([]tfhe.Job, error)) measurement {
	return func(ctx context.Context) (float64, error) {
		jobs, err := kind(1)
		if err != nil {
			return 0, err
		}
		return repeat(func() error { return m.engine.Bootstrap(ctx, jobs) })
	}
}

// perCore is the time of one of a batch of jobs on one core while all are busy.
func (m *machine) perCore(kind func(n int) ([]tfhe.Job, error)) measurement {
	return func(ctx context.Context) (float64, error) {
		jobs, err := kind(batch)
		if err != nil {
			return 0, err
		}
		took, err := repeat(func() error { return m.engine.Bootstrap(ctx, jobs) })
		return took * float64(m.workers) / batch, err
	}
}

// bootstraps are n jobs with a key switch each.
func (m *machine) bootstraps(n int) ([]tfhe.Job, error) {
	p := m.engine.Params()
	lut := p.NewLUT(func(m int) uint64 { return uint64(m) << tfhe.DeltaLog })
	src, err := slots(p, m.public, n)
	if err != nil {
		return nil, err
	}
	jobs := make([]tfhe.Job, n)
	for i := range jobs {
		jobs[i] = tfhe.Job{Src: src[i], LUT: lut, Dst: []tfhe.LWE{p.NewLWE()}}
	}
	return jobs, nil
}

// rotations are n jobs without key switches.
func (m *machine) rotations(n int) ([]tfhe.Job, error) {
	p := m.engine.Params()
	lut := p.NewUnpackLUT()
	seed, err := tfhe.NewSeed()
	jobs := make([]tfhe.Job, n)
	for i := range jobs {
		exponents := p.RandomExponents(seed, uint64(i))
		jobs[i] = tfhe.Job{Kind: tfhe.Unpack, Exponents: exponents, LUT: lut, Dst: []tfhe.LWE{p.NewLWE()}}
	}
	return jobs, err
}

// portFraction is the least time that a core's vector ports allow for the
// CMuxes of a blind rotation, over the time that it takes in a batch.
func (m *machine) portFraction(ctx context.Context) (float64, error) {
	ops, perSecond := fft.PortLimit()
	if ops == 0 {
		return 0, errors.New("this machine's implementation has no count of operations")
	}
	took, err := m.perCore(m.rotations)(ctx)
	least := 1e3 * float64(m.engine.Params().LWEDim*ops) / perSecond
	return least / took, err
}
