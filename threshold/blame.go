package threshold

import "fmt"

// What parties are blamed for. The reasons are few and fixed, so that blames
// can be counted.
const (
	WrongShares      = "sent wrong shares"
	UnusableBytes    = "sent bytes that are no shares"
	OtherCiphertexts = "answered for other squashed ciphertexts than the quorum"
	Silence          = "gave no answer in time"
)

// Blame says what a party did wrong. It is a value, not a failure: protocols
// go on without the party. Party 0 is nobody known.
type Blame struct {
	Party  PartyID
	Reason string
}

// String is such as "party 3: sent wrong shares".
func (b Blame) String() string {
	if b.Party == 0 {
		return "somebody: " + b.Reason
	}
	return fmt.Sprintf("party %d: %s", b.Party, b.Reason)
}

// CorruptError says that more parties lied than the committee tolerates, so
// that nothing it says can be relied upon.
type CorruptError struct {
	Liars PartySet // those that are known; may be empty
	Max   int      // t
}

// Error implements error.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("more than %d parties sent wrong shares, known of: %v", e.Max, e.Liars)
}
