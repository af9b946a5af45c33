// Package agree makes keys of sets: for every set A of n-t parties a key that
// exactly its members know, as pseudorandom secret sharing needs (package
// prss), without a dealer.
//
// Every member of A draws a contribution, and the key is a hash of all of them,
// so one honest member makes it unpredictable to whoever is outside. Members
// first state commitments to everyone, then open them to the other members of
// each set alone. Where everyone has the same commitments, no member can make
// two others hold different keys: an opening that does not fit is found by its
// receiver, and convicts its sender before everyone if both messages are signed
// (Check).
//
// Carrying, signing and comparing the messages is the caller's.
package agree
