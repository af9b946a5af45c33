package fhe

// Batch is what one canonical block adds to the ordered log that the
// coprocessor follows. Its order is that of the receipts.
type Batch struct {
	Number  uint64
	Hash    Digest
	Time    uint64 // of the block in Unix seconds, 0 if unknown; for statistics only
	Entries []Entry
}

// Entry is one element of the log; exactly one field is set.
type Entry struct {
	Operation *Operation // an operation that the executor ordered
	Input     *Input     // an input list that the input verifier accepted
	Wanted    *Handle    // a persistent grant or a public mark: this value must exist
}

// Operation binds a handle to its derivation.
type Operation struct {
	Result     Handle
	Digest     Digest
	Derivation Derivation
}

// Input is a verified input list, or an attested one that the log names by its
// digest alone.
type Input struct {
	Digest   Digest // of the list
	Encoding []byte // of the InputList, or of an AttestedInput
}
