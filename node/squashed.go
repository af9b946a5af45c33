package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"fhevm/coprocessor"
	"fhevm/coprocessor/store"
	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/sdk"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/eip712"
)

// maxSquashedBlocks is the number of squashed blocks of the widest value.
const maxSquashedBlocks = 64

// Squashed implements committee.Squasher: it prepares a handle's ciphertext
// for decryption when a party of the committee asks for it, and signs what it
// made (design: the coprocessor squashes on request).
func (n *Node) Squashed(ctx context.Context, r *committee.SquashRequest) (*committee.Squashed, error) {
	if err := n.verifyRequest(r); err != nil {
		return nil, err
	}
	if err := n.ready(ctx, r.Handle); err != nil {
		return nil, fault(r, err)
	}
	blocks, err := n.coprocessor.Squashed(ctx, r.Handle)
	if err != nil {
		return nil, fault(r, err)
	}
	signed, err := n.coprocessor.SignedDigest(ctx, r.Handle, fhe.OfSquashed)
	if err != nil {
		return nil, fault(r, err)
	}
	return &committee.Squashed{Blocks: blocks, Signatures: []eip712.Signature{eip712.Signature(signed.Signature)}}, nil
}

// verifyRequest demands that a party of one of the network's epochs asks. That its
// epoch is in force is the party's own check, without which it would not ask.
func (n *Node) verifyRequest(r *committee.SquashRequest) error {
	return n.epochs.find(func(c *threshold.Committee) error { return r.Verify(n.Domain(), c) })
}

// catchUp is how long a request waits for the coprocessor to read the chain's
// present head.
const catchUp = 5 * time.Second

// ready says why the ciphertext of a handle is not there, nil if it is. It does
// not wait for its computation: a party's request holds one of its few places,
// and wallets can wait for a handle by themselves.
func (n *Node) ready(ctx context.Context, h fhe.Handle) error {
	ctx, cancel := context.WithTimeout(ctx, catchUp)
	defer cancel()
	if err := n.feed.Reach(ctx); err != nil {
		return err
	}
	status, err := n.coprocessor.Status(h)
	if err != nil {
		return err
	}
	return status.Err()
}

// fault says to the user why a handle cannot be decrypted.
func fault(r *committee.SquashRequest, err error) error {
	var failure *store.Failure
	switch {
	case errors.Is(err, coprocessor.ErrUnknown), errors.Is(err, coprocessor.ErrUnwanted):
		return threshold.Faultf(threshold.UnknownHandle, "handle %s: %v", r.Handle, err)
	case errors.As(err, &failure):
		return threshold.Faultf(threshold.NotReady, "handle %s cannot be computed: %v", r.Handle, err)
	case errors.Is(err, coprocessor.ErrBusy):
		return threshold.Faultf(threshold.Busy, "handle %s: %v: ask again", r.Handle, err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, coprocessor.ErrPending):
		return threshold.Faultf(threshold.NotReady, "handle %s is still being computed: ask again", r.Handle)
	}
	return err
}

// squashed serves Squashed to parties elsewhere (SPEC 9.5): the request as
// JSON; the response is the 65 bytes of the signature, then the blocks.
func (a *api) squashed(w http.ResponseWriter, r *http.Request) error {
	req := new(committee.SquashRequest)
	if err := readJSON(r, req); err != nil {
		return err
	}
	s, err := a.node.Squashed(r.Context(), req)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if _, err := w.Write(s.Signatures[0][:]); err != nil {
		return nil // the party has hung up
	}
	for _, c := range s.Blocks {
		b, err := c.MarshalBinary()
		if err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return nil
		}
	}
	return nil
}

// remoteSquasher fetches from a node's wallet API. The log is told when the node goes
// away and when it is back, not of each request between.
type remoteSquasher struct {
	base string
	log  *slog.Logger
	away atomic.Bool
}

// answered hears whether the node answered.
func (s *remoteSquasher) answered(err error) {
	switch changed := s.away.Swap(err != nil) != (err != nil); {
	case changed && err != nil:
		s.log.Error("a coprocessor does not answer: see that its node runs and is reached", "coprocessor", s.base, "error", err)
	case changed:
		s.log.Info("the coprocessor answers again", "coprocessor", s.base)
	}
}

// Squashed implements committee.Squasher.
func (s *remoteSquasher) Squashed(ctx context.Context, r *committee.SquashRequest) (*committee.Squashed, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(s.base, "/")+routeParty, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if ctx.Err() == nil { // else who asked has what it needs, or waits no longer
			s.answered(err)
		}
		return nil, threshold.Faultf(threshold.NotReady, "the party's coprocessor does not answer: ask again")
	}
	s.answered(nil)
	defer resp.Body.Close()
	limit := int64(65 + maxSquashedBlocks*squash.CiphertextSize)
	raw, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("fetch squashed blocks: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		var e sdk.ErrorBody
		if err := json.Unmarshal(raw, &e); err != nil || e.Problem.Message == "" {
			return nil, fmt.Errorf("fetch squashed blocks: %s", resp.Status)
		}
		if !e.Problem.Code.Known() {
			return nil, threshold.Faultf(threshold.Unavailable, "the coprocessor refuses for a reason that is unknown here")
		}
		return nil, &threshold.Fault{Code: e.Problem.Code, Message: e.Problem.Message}
	}
	return parseSquashed(raw)
}

func parseSquashed(raw []byte) (*committee.Squashed, error) {
	blocks := (len(raw) - 65) / squash.CiphertextSize
	if blocks < 1 || blocks > maxSquashedBlocks || len(raw) != 65+blocks*squash.CiphertextSize {
		return nil, fmt.Errorf("squashed blocks have %d bytes, want a signature and 1 to %d blocks of %d", len(raw), maxSquashedBlocks, squash.CiphertextSize)
	}
	out := &committee.Squashed{Signatures: []eip712.Signature{eip712.Signature(raw[:65])}}
	for raw = raw[65:]; len(raw) > 0; raw = raw[squash.CiphertextSize:] {
		c := new(squash.Ciphertext)
		if err := c.UnmarshalBinary(raw[:squash.CiphertextSize]); err != nil {
			return nil, err
		}
		out.Blocks = append(out.Blocks, c)
	}
	return out, nil
}
