// Package generation runs a party's part in a key generation (package dkg) over gRPC
// with mutual TLS: it carries the machine's messages to the other parties, again until
// they have them, and decides how long to wait for whom.
//
// Nothing is kept on disk until the keys are confirmed: a run takes minutes, and one
// that a crash interrupts is begun anew with the next attempt's number.
package generation
