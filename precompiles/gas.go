package precompiles

import (
	"encoding/binary"

	"fhevm/fhe"
)

// The price of work (SPEC 8.2). A transaction has at most 2^24 gas (EIP-7825),
// which every operation that the executor orders leaves room in.
const (
	// GasPerBootstrap prices the work that an operation orders from the
	// coprocessors. It is as low as lets the dearest operation into a transaction;
	// what bounds the coprocessors' work is the executor's budget.
	GasPerBootstrap = 64
	// GasPerBlock prices the 16.4 KB in which a block of a result waits, bare, for
	// the other operations of its transaction, and that it is packed then: a block
	// of 60 million gas takes at most 0.5 GB.
	GasPerBlock = 2_000

	operationBase = 1_000 // decode and hash at most 4 KB
	inputBase     = 3_000
	inputPerByte  = 1 // decode and hash the list
	inputPerValue = 200
)

// Schedule is the digest of all prices, which a chain's block 0 commits to (SPEC 8.3).
func Schedule() fhe.Digest {
	b := []byte("fhevm gas")
	for _, price := range []uint64{operationBase, GasPerBootstrap, GasPerBlock, inputBase, inputPerByte, inputPerValue} {
		b = binary.BigEndian.AppendUint64(b, price)
	}
	for _, f := range fhe.Forms() {
		c := f.Cost()
		b = append(b, byte(f.Op), byte(f.Type), byte(f.From), f.Clear, f.Count)
		b = binary.BigEndian.AppendUint32(b, uint32(c.Bootstraps))
		b = binary.BigEndian.AppendUint32(b, uint32(c.Depth))
	}
	return fhe.Keccak(b)
}

// OperationGas is the price of precompile 0x5d for an operation that is well
// typed.
func OperationGas(d *fhe.Derivation) uint64 { return operationGas(d.Op, d.Type, d.Cost()) }

func operationGas(op fhe.Op, t fhe.Type, c fhe.Cost) uint64 {
	return operationBase + GasPerBootstrap*uint64(c.Bootstraps) + GasPerBlock*uint64(secretBlocks(op, t))
}

// secretBlocks is the number of blocks of the results that have a mask to keep.
// Those of a public value take 8 bytes.
func secretBlocks(op fhe.Op, t fhe.Type) int {
	row, err := op.Operator()
	if err != nil || row.Shape == fhe.Encrypt {
		return 0
	}
	n := 0
	for _, t := range row.Results(t) {
		n += t.Blocks()
	}
	return n
}

// InputGas is the price of precompile 0x5e for a list of size bytes that holds
// values of the given types: each of their blocks is bootstrapped and packed.
func InputGas(size int, types []fhe.Type) uint64 {
	return inputBase + inputPerByte*uint64(size) + inputPerValue*uint64(len(types)) +
		(GasPerBootstrap+GasPerBlock)*uint64(fhe.InputBootstraps(types))
}
