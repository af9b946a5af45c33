// Package reshare moves a shared secret from the parties of one epoch, the old
// committee, to those of the next, the new committee, which may be the same
// parties, others or more. The secret and with it the public key stay; old
// shares and new ones do not go together.
//
// A Giver is the part of one old member and a Receiver that of one new member;
// who is in both committees plays both. They are pure: messages and the end of a
// round's time go in, messages come out, and the same inputs give the same
// outputs, so that a party which crashed goes on by taking its inputs again.
//
//	commit   new -> all   commitments to contributions for fresh PRSS keys
//	open     new -> new   contributions, to the members of each set (private)
//	mask     new -> old   shares of a mask for each of the old member's shares (private)
//	masked   old -> new   the old member's shares plus its masks, and what it has counted
//	echo     new -> new   who said what in masked
//	fill     new -> new   what the other has not heard
//	check    new -> new   shares of the old shares' syndrome, which locates liars
//	confirm  new -> all   signature of the transcript's hash
//
//	certificate  anyone  the confirmations of all, for those who lack one
//	stop         anyone  in the place of the next message: the attempt is over, and why
//
// Messages lie where their sender keeps them and are fetched in this order, so
// none comes early. Every one is signed. The old epoch stays in force unless all
// new members have signed the same transcript: the Certificate.
//
// Up to t old members may be silent or lie. A new member that is silent, or lies
// where that cannot be corrected, ends the attempt and is named; another attempt
// has another number. Whoever has confirmed has its shares and cannot know who
// else has the certificate: no time ends its attempt, only the certificate, or the
// word of t+1 new members that they never confirm. The protocol follows eprint 2025/699, figure 87, over two
// prime fields; docs/spec/threshold.md states it and argues its security.
package reshare
