// Package committee is the service of one party of a decryption committee, the
// client that speaks to it, and the relay that asks all parties for a user.
//
// A Party decides by itself, on its own view of the finalised chain and by its
// own policy about squashed digests; nobody's word stands in for its checks.
// It is deterministic where that matters: one squashed block has one mask and
// one share, however often it is asked for. What it opens is bound to its bytes,
// counted and on disk before anything leaves the process.
//
// Party and Client implement the same Service, so parties in one process and
// parties behind gRPC are interchangeable.
package committee
