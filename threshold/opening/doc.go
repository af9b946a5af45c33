// Package opening is one party's side of the public opening of some handles, as
// a state machine without goroutine, clock or socket.
//
// There is one round, and it is asynchronous. A party computes its own partials
// of the squashed bytes at hand, records their openings on disk and only then
// makes a Machine. The machine asks every other party for its shares, answers
// those that ask, and ends with the values as soon as 2t+1 parties' shares of
// the same bytes lie on one polynomial per block, with whatever the others do;
// or with a refusal that says what each of the others did.
//
// Nothing of a machine needs to outlive it. Its shares are a function of the
// squashed bytes, so a party that crashed makes the same machine again and asks
// again; what must not be forgotten, that these bytes were opened, was on the
// disk before the machine was there.
package opening
