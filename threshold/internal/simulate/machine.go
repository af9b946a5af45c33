package simulate

import "fhevm/threshold"

// Client is the address of who asks from outside the committee, such as a
// wallet. It can have a machine like a party.
const Client threshold.PartyID = 0

// Message is what one party sends another. The network fills in From.
type Message struct {
	From, To threshold.PartyID
	Body     []byte
}

// Output is what a machine wants done after an event.
type Output struct {
	Save []byte    // to append to the party's journal on disk; nil is nothing
	Send []Message // once Save is on the disk
}

// Machine is an honest party's side of a protocol, without goroutine, clock or
// source of randomness but those that it was made with.
type Machine interface {
	// Start is the first event of a machine, also of one that was made from a
	// journal after a crash.
	Start() Output
	// Receive is a message, perhaps one that was received before.
	Receive(Message) Output
	// Expire says that nothing more is on its way for now: a party's time to wait
	// is over.
	Expire() Output
	// Done reports whether the machine has a result. It still receives.
	Done() bool
}

// Adversary speaks for all corrupt parties. It is rushing: it sees a message to
// any of them when it is sent, before any honest party receives anything of it.
type Adversary interface {
	// Start returns its first messages, each from a corrupt party.
	Start() []Message
	// Observe is a message to a corrupt party. It returns what they send.
	Observe(Message) []Message
}

// Silent is the adversary that never says anything.
type Silent struct{}

// Start implements Adversary.
func (Silent) Start() []Message { return nil }

// Observe implements Adversary.
func (Silent) Observe(Message) []Message { return nil }
