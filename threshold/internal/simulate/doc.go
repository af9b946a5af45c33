// Package simulate runs the parties of a protocol on a network in memory, which
// a seed drives, against an adversary who speaks for the corrupt ones.
//
// A protocol is a Machine per honest party: a pure state machine whose every
// event returns what to put on the disk and what to send, in this order. The
// network delivers messages by virtual time. It delays, reorders and repeats
// them, loses them on the way, and crashes parties between any two effects of an
// event; a party begins again from what was on its disk. When nothing is on its
// way any more, time is over and the machines that have not ended are told.
//
// What a run may rely on is what a deployment provides: channels are
// authenticated, and between honest parties a message that was lost, or whose
// receiver crashed before it had dealt with it, is sent again. Everything else
// is the seed's or the adversary's to choose. One seed is one run, on every
// machine: Result.Transcript is a digest of all that was sent.
package simulate
