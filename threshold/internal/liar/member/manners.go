package main

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/internal/liar"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// manner is a way to misbehave that is not about shares but about bytes, calls and
// connections.
type manner func(c *call) error

var manners = map[string]manner{
	"behave":    behave,
	"garble":    garble,
	"oversized": oversized,
	"drop":      drop,
	"slow":      slow,
	"replay":    replay,
	"twice":     twice,
	"forge":     forge,
	"pass on":   passOn,
	"refuse":    refuse,
	"babble":    babble,
	"hang up":   hangUp,
	"stranger":  hangUp, // and presents another's certificate when it is called again
	"nag":       nag,
}

// names lists all manners: these, and the tactics about shares.
func names() []string {
	all := slices.Sorted(maps.Keys(manners))
	for _, t := range liar.Tactics() {
		if manners[t] == nil {
			all = append(all, t)
		}
	}
	return all
}

func behave(c *call) error {
	b, err := c.right()
	if err != nil {
		return err
	}
	return c.send(b)
}

// garble spoils the bytes of a right answer.
func garble(c *call) error {
	b, err := c.right()
	if err != nil {
		return err
	}
	return c.send(liar.Garble(c.rng, b))
}

// oversized pads a right answer to about the largest size that is read.
func oversized(c *call) error {
	b, err := c.right()
	if err != nil {
		return err
	}
	size := committee.MaxMessage - 2 + c.rng.IntN(5)
	if c.rng.IntN(4) == 0 {
		size *= 16
	}
	return c.send(append(b, strings.Repeat(" ", size-len(b))...))
}

// drop answers now and then.
func drop(c *call) error {
	if c.rng.IntN(2) == 0 {
		return c.send(nil)
	}
	return behave(c)
}

// slow answers out of order, and some only when nobody waits any more.
func slow(c *call) error {
	c.say()
	t := time.NewTimer(time.Duration(c.rng.IntN(4000)) * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
		return behave(c)
	case <-c.Context().Done():
		return c.Context().Err()
	}
}

// replay says what was right the last time.
func replay(c *call) error {
	b, err := c.right()
	if err != nil {
		return err
	}
	if before := c.remember(c.Method, b); before != nil {
		b = before
	}
	return c.send(b)
}

// twice answers again what was answered.
func twice(c *call) error {
	b, err := c.right()
	if err != nil {
		return err
	}
	if err := c.send(b); err != nil {
		return err
	}
	return c.SendMsg(raw(b))
}

// forge answers in another's name, where an answer has one.
func forge(c *call) error {
	b, err := c.right()
	if err != nil {
		return err
	}
	var a map[string]json.RawMessage
	if err := json.Unmarshal(b, &a); err != nil {
		return err
	}
	if a["party"] != nil {
		others := c.honest()
		a["party"], _ = json.Marshal(others[c.rng.IntN(len(others))])
	}
	return c.sendJSON(a)
}

// passOn answers with what an honest party says to the same question.
func passOn(c *call) error {
	others := c.honest()
	conn, err := c.dial(others[c.rng.IntN(len(others))])
	if err != nil {
		return err
	}
	defer conn.Close()
	var b raw
	if err := conn.Invoke(c.Context(), c.Method, raw(c.request), &b); err != nil {
		return err
	}
	return c.send(b)
}

// refuse gives reasons that an honest party gives, and others.
func refuse(c *call) error {
	c.say()
	reasons := []threshold.Code{threshold.NotAllowed, threshold.NotReady, threshold.QuotaExceeded, threshold.Corrupt, "", "no_such_reason"}
	s := status.New(codes.Code(c.rng.IntN(20)), strings.Repeat("no\x1b[2J\n", 1<<c.rng.IntN(16)))
	s, err := s.WithDetails(
		&errdetails.ErrorInfo{Reason: string(reasons[c.rng.IntN(len(reasons))]), Domain: "fhevm"},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(1 << 62)})
	if err != nil {
		return err
	}
	return s.Err()
}

// babble sends headers and trailers without end, and nothing else.
func babble(c *call) error {
	c.say()
	for range 64 {
		c.SetTrailer(metadata.Pairs("noise", strings.Repeat("x", 1<<c.rng.IntN(16))))
	}
	return c.SendHeader(metadata.Pairs("noise", strings.Repeat("x", 1<<c.rng.IntN(16))))
}

// hangUp breaks the connection: before anything, or with the answer on its way.
func hangUp(c *call) error {
	c.say()
	if c.rng.IntN(2) == 0 {
		if err := c.SendHeader(nil); err != nil {
			return err
		}
		if b, err := c.right(); err == nil {
			_ = c.SendMsg(raw(b))
		}
	}
	c.listener.hangUp(c.remote)
	return status.Error(codes.Aborted, "")
}

// nag sends the others what is no request, or more than they take, and answers.
func nag(c *call) error {
	for _, id := range c.honest() {
		conn, err := c.dial(id)
		if err != nil {
			return err
		}
		defer conn.Close()
		ctx, cancel := context.WithTimeout(c.Context(), time.Second)
		defer cancel()
		for range 64 {
			request := c.request
			if c.rng.IntN(2) == 0 {
				request = liar.Garble(c.rng, request)
			}
			methods := []string{c.Method, "/fhevm.committee.Party/Share", "/fhevm.committee.Party/PublicDecrypt", "/fhevm.committee.Meeting/Fetch", "/no/Method"}
			method := methods[c.rng.IntN(len(methods))]
			go func() {
				var b raw
				_ = conn.Invoke(ctx, method, raw(request), &b)
			}()
		}
	}
	return behave(c)
}

// dial connects to a party.
func (c *call) dial(id threshold.PartyID) (*grpc.ClientConn, error) {
	m, err := c.secret.Committee.Member(id)
	if err != nil {
		return nil, err
	}
	return dial(m, c.identity)
}
