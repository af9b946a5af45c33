package committee

import (
	"context"

	"google.golang.org/grpc"

	"fhevm/fhe"
	"fhevm/threshold"
)

// Meeting is where the parties of a protocol between committees lay out what
// they say, for others to fetch.
type Meeting interface {
	// Fetch returns a piece of what the party says to the holder of a certificate.
	// It waits for a while for what has not been said so far, and then fails with
	// code NotReady.
	Fetch(ctx context.Context, caller fhe.Digest, r *FetchRequest) (*FetchAnswer, error)
}

// FetchRequest asks for a message from Offset on.
type FetchRequest struct {
	Plan   fhe.Digest `json:"plan"`  // names the meeting
	Round  uint8      `json:"round"` // of the protocol
	From   uint8      `json:"from"`  // role in which the party is asked
	To     uint8      `json:"to"`    // role in which the caller asks
	Offset int        `json:"offset"`
}

// FetchAnswer is a piece of a message.
type FetchAnswer struct {
	Size  int             `json:"size"` // of the whole message
	Piece threshold.Bytes `json:"piece"`
}

// MaxPiece is the size of the largest piece: in hexadecimal it fits a message.
const MaxPiece = MaxMessage/2 - 1<<10

const meetingName = "fhevm.committee.Meeting"

var meetingDescription = grpc.ServiceDesc{
	ServiceName: meetingName,
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{method(meetingName, "Fetch", (*Server).fetch)},
}

func (s *Server) fetch(ctx context.Context, r *FetchRequest) (*FetchAnswer, error) {
	if s.meeting == nil {
		return nil, threshold.Faultf(threshold.NotReady, "the party takes part in no meeting")
	}
	caller, _ := ctx.Value(callerKey{}).(fhe.Digest)
	return s.meeting.Fetch(ctx, caller, r)
}

// Fetch asks a party for a piece of what it says.
func (c *Client) Fetch(ctx context.Context, r *FetchRequest) (*FetchAnswer, error) {
	return invoke[FetchAnswer](ctx, c, meetingName, "Fetch", r)
}
