package threshold

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Code names a refusal for programs. Codes are stable; messages are for people.
type Code string

// The codes with which a party refuses.
const (
	BadRequest        Code = "bad_request"          // malformed or out of bounds
	PermitWrongChain  Code = "permit_wrong_chain"   // for another chain or verifier
	PermitBadSigner   Code = "permit_bad_signature" // not signed by the user
	PermitWrongKey    Code = "permit_wrong_key"     // for another transport key
	PermitNotYetValid Code = "permit_not_yet_valid" // begins later, by the chain and the party's clock
	PermitExpired     Code = "permit_expired"       // has ended, by the chain or the party's clock
	PermitInvalidated Code = "permit_invalidated"   // begins before the time that the user set on chain
	UserIsContract    Code = "user_is_contract"     // the permit names the user, or the delegator, as a contract
	NotAllowed        Code = "not_allowed"          // user or contract lacks a persistent right
	NotDelegated      Code = "not_delegated"        // the delegator did not name the signer for the contract, or no longer
	Denied            Code = "denied"               // user or contract is on the deny list
	Paused            Code = "paused"               // the network is paused
	EpochNotActive    Code = "epoch_not_active"     // the key registry has retired the party's epoch, or not activated it
	NotPublic         Code = "not_public"           // no public mark in a finalised block
	UnknownHandle     Code = "unknown_handle"       // not of this chain, version or any type
	NotReady          Code = "not_ready"            // not computed or finalised yet: ask again
	DigestRejected    Code = "digest_rejected"      // no accepted attestation of the squashed bytes
	LimitReached      Code = "limit_reached"        // the key's openings are used up
	NotMember         Code = "not_member"           // the caller may not ask this
	Busy              Code = "busy"                 // too many requests of this caller at once
	QuotaExceeded     Code = "quota_exceeded"       // the user, or the relay, has used up its squashed blocks for now
	Unavailable       Code = "unavailable"          // too few parties answered in time
	Undecodable       Code = "undecodable"          // opened, but not a plaintext of its type
	Corrupt           Code = "committee_corrupt"    // more parties lied than the committee tolerates
	Internal          Code = "internal"             // a fault of the party's own, in its log
)

// Fault is a refusal: what, and what to do about it.
type Fault struct {
	Code    Code
	Message string
	Retry   time.Duration // when to ask again; 0 where time alone does not help, or nobody knows
}

// Faultf makes a Fault.
func Faultf(c Code, format string, args ...any) *Fault {
	return &Fault{Code: c, Message: fmt.Sprintf(format, args...)}
}

// Error is the message.
func (f *Fault) Error() string { return f.Message }

// Codes are those above.
func Codes() []Code {
	return []Code{
		BadRequest, PermitWrongChain, PermitBadSigner, PermitWrongKey, PermitNotYetValid, PermitExpired, PermitInvalidated, UserIsContract,
		NotAllowed, NotDelegated, Denied, Paused, EpochNotActive, NotPublic, UnknownHandle, NotReady, DigestRejected, LimitReached, NotMember,
		Busy, QuotaExceeded, Unavailable, Undecodable, Corrupt, Internal,
	}
}

// Known reports whether c is one of Codes.
func (c Code) Known() bool { return slices.Contains(Codes(), c) }

// FaultOf is what a caller may know of an error. What is no refusal is the affair of
// who met it, such as "party" or "node", and has to go to its log.
func FaultOf(who string, err error) *Fault {
	var f *Fault
	var corrupt *CorruptError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &corrupt):
		return Faultf(Corrupt, "%v", corrupt)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Faultf(Unavailable, "the %s did not finish in time: ask again", who)
	}
	return Faultf(Internal, "internal error of the %s: its operator finds it in the log", who)
}
