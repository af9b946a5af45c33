package audit

import (
	"time"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
)

// Method is what a party was asked to do.
type Method uint8

// The methods. A Squash is the party's own: its signed requests, for the handles of a
// decision, that a coprocessor prepare them.
const (
	User Method = iota + 1
	Public
	Share
	Squash
)

var methodNames = [...]string{User: "user", Public: "public", Share: "share", Squash: "squash"}

// String is such as "user".
func (m Method) String() string {
	if m < User || m > Squash {
		return "unknown"
	}
	return methodNames[m]
}

// MarshalText is String.
func (m Method) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// Bounds of a decision.
const (
	MaxHandles = 32
	maxOutcome = 32 // characters
)

// Decision is what became of one request.
type Decision struct {
	Method    Method            `json:"method"`
	Request   fhe.Digest        `json:"request"`            // the same for a request that is repeated
	Caller    fhe.Digest        `json:"caller,omitzero"`    // fingerprint of the relay's or party's certificate; zero within one process
	From      threshold.PartyID `json:"from,omitempty"`     // the party that asks for a share
	User      fhe.Address       `json:"user,omitzero"`      // who claims to have signed the permit
	Delegator fhe.Address       `json:"delegator,omitzero"` // whose values they are, if not the user's
	Epoch     uint64            `json:"epoch"`              // of the party
	Block     uint64            `json:"block"`              // that it was decided on; 0 if it came to none
	Fresh     uint64            `json:"fresh"`              // squashed blocks that were opened for the first time
	Openings  uint64            `json:"openings"`           // of the key in all, afterwards, as the epoch counts them; 0 if not reached
	Repeats   uint64            `json:"repeats"`            // how often the same request came as far before, in the same process
	Refusal   threshold.Code    `json:"refusal,omitempty"`  // "" for an answer
	Handles   []fhe.Handle      `json:"handles"`            // at most MaxHandles
	Digests   []fhe.Digest      `json:"digests,omitempty"`  // of their squashed blocks, where it came to that
}

// Head is the party's signature of the log up to the record before it.
type Head struct {
	Signature eip712.Signature `json:"signature"`
}

// Cut says that the end of the file before is no record: the process ended while
// it wrote.
type Cut struct {
	File   uint32     `json:"file"`
	Offset uint64     `json:"offset"`
	Bytes  uint64     `json:"bytes"`
	SHA256 fhe.Digest `json:"sha256"`
}

// Restored says that the party's files were restored from a backup, and that it
// goes on counting from an upper bound.
type Restored struct {
	Backup   fhe.Digest `json:"backup"` // digest of the backup's manifest
	Seq      uint64     `json:"seq"`    // head of the party's log when the backup was made
	Hash     fhe.Digest `json:"hash"`
	Openings uint64     `json:"openings"`
}

// Started says that a process of the party begins.
type Started struct{}

// Serving says that the party serves an epoch from here on, with what count and
// under what bounds.
type Serving struct {
	Epoch    uint64            `json:"epoch"`
	Party    threshold.PartyID `json:"party"`
	Openings uint64            `json:"openings"` // that the epoch counts; of one that begins those of the epochs before, and what they may still open
	Limit    uint64            `json:"limit"`
	PerDay   uint64            `json:"perDay"` // openings that the quotas of all callers allow a day, beside what was saved up; 0 if none bound them
}

// Recounted says that store and log did not fit each other, and that the party's
// operator had it go on with the larger count.
type Recounted struct {
	Epoch    uint64 `json:"epoch"`
	Openings uint64 `json:"openings"`
}

// Unlisted is numbers of decisions since the record before that have no record of
// their own.
type Unlisted struct {
	Refusals uint64 `json:"refusals"`
	Repeats  uint64 `json:"repeats"` // answers that said nothing new
}

// Record is one link of the chain. Exactly one of its kinds is there.
type Record struct {
	Seq  uint64    `json:"seq"` // from 1
	Time time.Time `json:"time"`

	Decision  *Decision  `json:"decision,omitempty"`
	Head      *Head      `json:"head,omitempty"`
	Cut       *Cut       `json:"cut,omitempty"`
	Restored  *Restored  `json:"restored,omitempty"`
	Started   *Started   `json:"started,omitempty"`
	Serving   *Serving   `json:"serving,omitempty"`
	Recounted *Recounted `json:"recounted,omitempty"`
	Unlisted  *Unlisted  `json:"unlisted,omitempty"`
}
