package tfhe

import "fhevm/accel/fft"

// batch is a worker's tasks and the memory to run them in.
type batch struct {
	params    *Params
	tasks     []task
	src       []LWE
	luts      []*LUT
	digits    []uint32
	small     [][]uint32 // after the key switch, then after the modulus switch
	acc       []*fft.Accumulator
	transform fft.Scratch
}

func newBatch(p *Params) *batch {
	b := &batch{
		params: p,
		tasks:  make([]task, 0, MaxBatch),
		digits: make([]uint32, MaxBatch*p.KeySwitchDigits()),
		src:    make([]LWE, MaxBatch),
		luts:   make([]*LUT, MaxBatch),
		small:  make([][]uint32, MaxBatch),
		acc:    make([]*fft.Accumulator, MaxBatch),
	}
	accumulators := make([]fft.Accumulator, MaxBatch)
	for i := range MaxBatch {
		b.small[i] = make([]uint32, p.LWEDim+1)
		b.acc[i] = &accumulators[i]
	}
	return b
}

// run bootstraps the tasks: KeySwitch, ModSwitch, BlindRotate, SampleExtract.
func (b *batch) run(ks *KeySwitchKey, bk *BootstrapKey) {
	n := len(b.tasks)
	for i, t := range b.tasks {
		b.src[i], b.luts[i] = t.job.Src, t.job.LUT
	}
	ks.KeySwitch(b.small[:n], b.src[:n], b.digits)
	for _, c := range b.small[:n] {
		b.params.ModSwitch(c, c)
	}
	bk.blindRotate(b.acc[:n], b.luts[:n], b.small[:n], &b.transform)
	for i, t := range b.tasks {
		extractOutputs(t.job, b.acc[i])
	}
	clear(b.src)
	clear(b.luts)
}

// extractOutputs reads function i of a LUT at coefficient i*PolySize/Outputs.
func extractOutputs(j *Job, acc *fft.Accumulator) {
	for i, dst := range j.Dst {
		at := i * len(acc.Body) / j.LUT.Outputs
		sampleExtract(dst, acc.Mask[:], acc.Body[at], at)
	}
}
