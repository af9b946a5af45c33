package tfhe

import "fhevm/accel/fft"

// batch is a worker's tasks and the memory to run them in.
type batch struct {
	params    *Params
	tasks     []task
	workers   int // that have nothing else to do
	src       []LWE
	luts      []*LUT
	digits    []Digits
	small     [][]uint32 // after the key switch, then after the modulus switch
	exponents [][]uint32 // small, or those of the jobs
	acc       []*fft.Accumulator
	transform fft.Scratch
}

func newBatch(p *Params) *batch {
	b := &batch{
		params:    p,
		tasks:     make([]task, 0, MaxBatch),
		digits:    p.NewDigits(MaxBatch),
		src:       make([]LWE, MaxBatch),
		luts:      make([]*LUT, MaxBatch),
		small:     make([][]uint32, MaxBatch),
		exponents: make([][]uint32, MaxBatch),
		acc:       make([]*fft.Accumulator, MaxBatch),
	}
	accumulators := make([]fft.Accumulator, MaxBatch)
	for i := range MaxBatch {
		b.small[i] = make([]uint32, p.LWEDim+1)
		b.acc[i] = &accumulators[i]
	}
	return b
}

// run bootstraps the tasks, which have one key: BlindRotate, SampleExtract.
func (b *batch) run(ks *KeySwitchKey) {
	n := len(b.tasks)
	for i, t := range b.tasks {
		b.luts[i], b.exponents[i] = t.job.LUT, t.job.Exponents
	}
	b.switchSources(ks)
	b.tasks[0].key.blindRotate(b.acc[:n], b.luts[:n], b.exponents[:n], &b.transform)
	for i, t := range b.tasks {
		extractOutputs(t.job, b.acc[i])
	}
	clear(b.luts)
	clear(b.exponents)
}

// switchSources makes exponents of ciphertexts: KeySwitch, ModSwitch.
func (b *batch) switchSources(ks *KeySwitchKey) {
	n := 0
	for i, t := range b.tasks {
		if t.job.Kind == Compute {
			b.src[n], b.exponents[i] = t.job.Src, b.small[n]
			n++
		}
	}
	ks.keySwitch(b.small[:n], b.src[:n], b.digits, b.workers)
	for _, c := range b.small[:n] {
		b.params.ModSwitch(c, c)
	}
	clear(b.src)
}

// extractOutputs reads function i of a LUT at coefficient i*PolySize/Outputs.
func extractOutputs(j *Job, acc *fft.Accumulator) {
	for i, dst := range j.Dst {
		at := i * len(acc.Body) / j.LUT.Outputs
		sampleExtract(dst, acc.Mask[:], acc.Body[at], at)
	}
}
