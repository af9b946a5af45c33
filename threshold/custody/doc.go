// Package custody splits a backup of a party among custodians, any k of whom can
// give it back and fewer than k learn nothing.
//
// A backup is three kinds of files. The payload holds the party's identity, its
// secret and the network's description, encrypted with a key that is drawn for it. The
// key is split by Shamir's scheme over GF(256); each share is encrypted to a
// custodian's age recipient. The manifest says what belongs together, how far the
// party had counted, and is signed by the party.
//
// To restore, k custodians encrypt their shares anew, to a recipient that the party's
// operator has just made. So nobody ever handles a share in the clear, and a
// custodian's key never leaves the custodian.
package custody
