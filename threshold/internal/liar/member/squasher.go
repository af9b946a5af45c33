package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"

	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/threshold/committee"
	"fhevm/threshold/eip712"
)

// squasher fetches squashed values from a node (SPEC 9.5), and remembers them.
type squasher struct {
	url string

	mu     sync.Mutex
	values map[fhe.Handle]*committee.Squashed
}

func newSquasher(api string) *squasher {
	return &squasher{url: api + "/v1/squashed", values: map[fhe.Handle]*committee.Squashed{}}
}

// known is what was fetched so far.
func (s *squasher) known() map[fhe.Handle]*committee.Squashed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.values)
}

// Squashed implements committee.Squasher.
func (s *squasher) Squashed(ctx context.Context, r *committee.SquashRequest) (*committee.Squashed, error) {
	if v := s.known()[r.Handle]; v != nil {
		return v, nil
	}
	v, err := s.fetch(ctx, r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[r.Handle] = v
	return v, nil
}

func (s *squasher) fetch(ctx context.Context, r *committee.SquashRequest) (*committee.Squashed, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK || len(raw) < 65 {
		return nil, fmt.Errorf("squashed %s: %s %s", r.Handle, resp.Status, raw)
	}
	out := &committee.Squashed{Signatures: []eip712.Signature{eip712.Signature(raw[:65])}}
	for raw = raw[65:]; len(raw) >= squash.CiphertextSize; raw = raw[squash.CiphertextSize:] {
		c := new(squash.Ciphertext)
		if err := c.UnmarshalBinary(raw[:squash.CiphertextSize]); err != nil {
			return nil, err
		}
		out.Blocks = append(out.Blocks, c)
	}
	return out, nil
}
