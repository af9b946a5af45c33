// Package dealer splits a squash secret among a committee: the key ceremony
// where one process knows the secret once, and forgets it.
//
// Each party gets one file, encrypted to its age recipient: its shares of the
// secret's 4096 bits in both fields, the PRSS keys of the sets that it is a
// member of, and the committee's description, which names epoch and key.
package dealer
