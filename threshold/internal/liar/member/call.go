package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"path"
	"strings"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/eip712"
	"fhevm/threshold/internal/liar"
	"fhevm/threshold/opening"
	"fhevm/threshold/permit"
	"fhevm/threshold/prss"
	"fhevm/threshold/seal"
	"fhevm/threshold/shamir"

	"github.com/holiman/uint256"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// call is one call and what is done about it.
type call struct {
	*front
	grpc.ServerStream
	request []byte
	remote  string     // address
	caller  fhe.Digest // fingerprint of its certificate
	seed    uint64
	rng     *rand.Rand
	deed
}

// seeded is randomness that depends on the seed and on some bytes alone, not on what
// else is going on.
func (c *call) seeded(b []byte) *rand.Rand {
	h := fnv.New64a()
	h.Write(b)
	return rand.New(rand.NewPCG(c.seed, h.Sum64()))
}

// answer does what the orders say. What that is, is printed before anybody can see it.
func (c *call) answer() error {
	if manner, ok := manners[c.Manner]; ok {
		return manner(c)
	}
	if role, _, ok := strings.Cut(c.Manner, " "); ok && offices[role] != 0 {
		return behave(c) // that is for resharings
	}
	return c.lie()
}

// send sends an answer, which is nothing if it is nil: then the call never ends by
// itself.
func (c *call) send(b []byte) error {
	if b == nil {
		c.say()
		<-c.Context().Done()
		return c.Context().Err()
	}
	c.judge(b)
	c.say()
	return c.SendMsg(raw(b))
}

// right is what the party would say.
func (c *call) right() ([]byte, error) {
	a, err := c.ask(c.Context())
	if err != nil {
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	return json.Marshal(a)
}

func (c *call) ask(ctx context.Context) (any, error) {
	switch path.Base(c.Method) {
	case "UserDecrypt":
		r := new(permit.Request)
		if err := json.Unmarshal(c.request, r); err != nil {
			return nil, err
		}
		return c.party.UserDecrypt(ctx, r)
	case "PublicDecrypt":
		r := new(committee.PublicRequest)
		if err := json.Unmarshal(c.request, r); err != nil {
			return nil, err
		}
		return c.party.PublicDecrypt(ctx, r)
	case "Share":
		r := &committee.ShareRequest{From: c.To}
		if err := json.Unmarshal(c.request, r); err != nil {
			return nil, err
		}
		return c.party.Share(ctx, r)
	case "Fetch":
		r := new(committee.FetchRequest)
		if err := json.Unmarshal(c.request, r); err != nil || c.session == nil {
			return nil, fmt.Errorf("there is no meeting here")
		}
		return c.session.Table.Fetch(ctx, c.caller, r)
	}
	return nil, fmt.Errorf("method %s is unknown", c.Method)
}

// handles are those that a request names.
func (c *call) handles() []fhe.Handle {
	var r struct{ Handles []fhe.Handle }
	_ = json.Unmarshal(c.request, &r)
	return r.Handles
}

// lie answers by one of the liars' tactics. A public result is another one, with the
// party's signature.
func (c *call) lie() error {
	switch path.Base(c.Method) {
	case "PublicDecrypt":
		return c.lieOpenly()
	case "Fetch":
		return c.send(nil)
	}
	own, err := c.partials(c.Context(), c.handles())
	if err != nil {
		return status.Error(codes.Unavailable, err.Error())
	}
	said, err := c.tell(own)
	if err != nil || said == nil {
		return c.send(nil)
	}
	if path.Base(c.Method) == "Share" {
		return c.sendJSON(opening.NewAnswer(said))
	}
	r := new(permit.Request)
	if err := json.Unmarshal(c.request, r); err != nil {
		return err
	}
	if len(said) == len(own) { // else it is no authentic answer to this request
		c.Deserves = liar.Verdict(own, opening.NewAnswer(said))
	}
	context := seal.NewContext(c.Domain, c.secret.Committee.Epoch, r)
	a, err := seal.Seal(context, c.id, c.identity.Signer, r.TransportKey, said)
	if err != nil {
		return err
	}
	return c.sendJSON(a)
}

// tell makes of the party's own partials what the order says.
func (c *call) tell(own []decrypt.Partial) ([]decrypt.Partial, error) {
	margin, err := prss.MarginOf(c.secret.Committee)
	if err != nil {
		return nil, err
	}
	all := make([][]decrypt.Partial, margin.Quorum.N+1)
	others := make([][]decrypt.Partial, margin.Quorum.N+1)
	if all[c.id], others[c.id] = own, c.front.member.others(c.handles()); others[c.id] == nil {
		others[c.id] = own
	}
	l := liar.New(c.rng, &liar.Case{Margin: margin, Types: decrypt.Types(c.handles()), Partials: all, Others: others}, threshold.Parties(c.id))
	if c.Manner == "mirror" {
		l.Learn(c.spy())
	}
	said, ok := l.SayAs(c.Manner, c.id)
	if !ok {
		return nil, fmt.Errorf("there is no manner %q", c.Manner)
	}
	return said, nil
}

// spy asks an honest party for its shares; nobody gives any of what is not public.
func (c *call) spy() []shamir.Element {
	others := c.honest()
	a, err := c.peers[others[c.rng.IntN(len(others))]].Share(c.Context(), &committee.ShareRequest{Handles: c.handles()})
	if err != nil {
		return nil
	}
	shares, _ := shamir.ParseElements(a.Shares, len(a.Digests))
	return shares
}

func (c *call) lieOpenly() error {
	a, err := c.party.PublicDecrypt(c.Context(), &committee.PublicRequest{Handles: c.handles()})
	if err != nil || c.Manner == "silence" {
		return c.send(nil)
	}
	if c.Manner == "behave" {
		return c.sendJSON(a)
	}
	r := &permit.Result{Handles: a.Handles, Epoch: a.Epoch}
	for i := range a.Handles {
		v := new(uint256.Int).SetBytes(a.Result[32*i : 32*i+32])
		r.Values = append(r.Values, v.Xor(v, uint256.NewInt(1)))
	}
	domain := eip712.Domain{ChainID: c.Domain.ChainID, Verifier: c.Verifier}
	return c.sendJSON(permit.NewPublicAnswer(c.id, r, eip712.Sign(c.identity.Signer, r.Digest(domain))))
}

func (c *call) sendJSON(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.send(b)
}

// judge says what the answer to a party deserves.
func (c *call) judge(b []byte) {
	if path.Base(c.Method) != "Share" {
		return
	}
	own, err := c.partials(c.Context(), c.handles())
	if err != nil {
		return
	}
	a := new(opening.Answer)
	if c.Deserves = threshold.UnusableBytes; len(b) <= committee.MaxMessage && threshold.DecodeJSON(b, a) == nil {
		c.Deserves = liar.Verdict(own, a)
	}
}
