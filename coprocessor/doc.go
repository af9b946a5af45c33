// Package coprocessor makes every ciphertext that the chain's ordered log
// wants, once, durably.
//
// The log names values and says how each is derived; Append stores it. Run
// walks back from the wanted handles to what is missing, evaluates what is
// ready, many operations at a time so that their bootstraps share batches, and
// stores the results by content id: handles that differ only in their salts
// share one ciphertext. Values that nothing wanted needs are never computed.
//
// Every job is a pure function of its name. A crash at any moment therefore
// loses nothing but time: the next Run computes again what had not reached the
// disk, with the same bytes. A computation that fails is recorded with its
// cause, which all its consumers inherit; nothing waits for it.
package coprocessor
