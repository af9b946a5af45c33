package reshare

import (
	"fmt"
	"strings"
)

// Blame says what a member did wrong.
type Blame struct {
	Seat   Seat   `json:"seat"`
	Reason string `json:"reason"`
	// Evidence, where there is any, is messages that the member signed and that
	// convict it before everyone (Convicts).
	Evidence [][]byte `json:"evidence,omitempty"`
}

// String is such as "new party 3 is silent".
func (b Blame) String() string { return b.Seat.String() + " " + b.Reason }

// Abort ends an attempt. The old epoch stays in force.
type Abort struct {
	Round  Round
	Blames []Blame
	// Notices are of members who ended it before.
	Notices []Notice
}

// Error implements error.
func (a *Abort) Error() string {
	var reasons []string
	for _, b := range a.Blames {
		reasons = append(reasons, b.String())
	}
	for _, n := range a.Notices {
		reasons = append(reasons, n.String())
	}
	return fmt.Sprintf("resharing ended in round %q: %s", a.Round, strings.Join(reasons, "; "))
}

// guilty ends the attempt for one member's fault.
func guilty(s Seat, evidence [][]byte, format string, args ...any) *Abort {
	return &Abort{Blames: []Blame{{s, fmt.Sprintf(format, args...), evidence}}}
}
