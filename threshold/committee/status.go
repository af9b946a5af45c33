package committee

import (
	"fmt"
	"strings"
	"unicode"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"fhevm/threshold"
)

const errorDomain = "fhevm"

// statusCodes maps what a party refuses with to gRPC; clients read the machine
// code in the status's ErrorInfo.
var statusCodes = map[threshold.Code]codes.Code{
	threshold.BadRequest:        codes.InvalidArgument,
	threshold.UserIsContract:    codes.InvalidArgument,
	threshold.UnknownHandle:     codes.InvalidArgument,
	threshold.PermitWrongChain:  codes.PermissionDenied,
	threshold.PermitBadSigner:   codes.PermissionDenied,
	threshold.PermitWrongKey:    codes.PermissionDenied,
	threshold.PermitNotYetValid: codes.PermissionDenied,
	threshold.PermitExpired:     codes.PermissionDenied,
	threshold.NotAllowed:        codes.PermissionDenied,
	threshold.NotDelegated:      codes.PermissionDenied,
	threshold.Denied:            codes.PermissionDenied,
	threshold.PermitInvalidated: codes.PermissionDenied,
	threshold.NotPublic:         codes.PermissionDenied,
	threshold.NotMember:         codes.PermissionDenied,
	threshold.NotReady:          codes.Unavailable,
	threshold.Unavailable:       codes.Unavailable,
	threshold.DigestRejected:    codes.FailedPrecondition,
	threshold.Paused:            codes.FailedPrecondition,
	threshold.EpochNotActive:    codes.FailedPrecondition,
	threshold.Undecodable:       codes.FailedPrecondition,
	threshold.Corrupt:           codes.FailedPrecondition,
	threshold.LimitReached:      codes.ResourceExhausted,
	threshold.Busy:              codes.ResourceExhausted,
	threshold.QuotaExceeded:     codes.ResourceExhausted,
	threshold.Internal:          codes.Internal,
}

func toStatus(f *threshold.Fault) error {
	s := status.New(statusCodes[f.Code], f.Message)
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: string(f.Code), Domain: errorDomain}}
	if f.Retry > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(f.Retry)})
	}
	if detailed, err := s.WithDetails(details...); err == nil {
		s = detailed
	}
	return s.Err()
}

// maxWords bounds what another party says in a refusal, in bytes: a list of all
// parties' reasons has about as many.
const maxWords = 1 << 12

// words makes another party's words fit to be shown: users and operators see them.
func words(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s[:min(len(s), maxWords)], " "))
}

// fromStatus is the inverse of toStatus, but that words are made fit to be shown. An
// error of the transport itself is no Fault: nobody has refused anything. One that is
// about the size of an answer is the answer's.
func fromStatus(err error) error {
	s := status.Convert(err)
	f := &threshold.Fault{Message: words(s.Message())}
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			if d.Domain == errorDomain {
				f.Code = threshold.Code(d.Reason)
			}
		case *errdetails.RetryInfo:
			f.Retry = max(0, d.RetryDelay.AsDuration())
		}
	}
	if f.Code != "" {
		return f
	}
	if s.Code() == codes.ResourceExhausted { // of gRPC's own: a party's refusals have a reason
		return fmt.Errorf("%w: %s", errMalformed, f.Message)
	}
	return fmt.Errorf("not reached: %s", f.Message)
}
