// Package dkg generates a network's keys without a dealer: a committee of n = 3t+1
// parties makes them together, any t of which may be corrupt, and no process ever holds
// a secret bit (SPEC 11).
//
// Almost all of a key is public in the end: bodies of LWE samples, linear in secrets and
// errors but for the products of a GGSW ciphertext. So the parties hold Shamir shares of
// secrets (degree t), compute shares of the bodies, with a product where there is one
// (degree 2t), and open those.
//
//	run.go         what all parties agree on, and what a run refuses to start without
//	wide.go        the field in which secret bits are made; field.go those of the bodies
//	randomness.go  shares of random elements, zeros, errors and masks, without interaction
//	bits.go        secret bits, and how they move to the fields of the bodies
//	bodies.go      a party's shares of the bodies; assembly.go the keys that they make
//	opening.go     opening, where every wrong share is seen
//	machine.go     one party as a state machine; seeds.go, rounds.go, result.go its rounds
//	trial.go       who is to blame for a run that fails, by evidence.go and replay.go;
//	               silence.go who is missing
//
// Machine has no goroutine, clock or socket: package generation drives it over a network.
package dkg
