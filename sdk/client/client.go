// Package client talks to a node's wallet API over HTTP.
package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
	"fhevm/sdk"

	"github.com/holiman/uint256"
)

// Bounds of what a node may answer.
const (
	maxJSON      = 1 << 20
	maxLine      = 1 << 20
	maxPublicKey = 1 << 20
)

// Linger is how long UserDecrypt still listens for the remaining parties once
// the values are open, so that a late liar is named too.
const Linger = time.Second

// poll is the longest that one request waits for a handle.
const poll = time.Minute

// Client is a wallet's connection to one node. It is safe for concurrent use.
type Client struct {
	base       string
	parameters *sdk.Parameters
	key        *tfhe.PublicKey
}

// Dial fetches the network's parameters and public key from the node whose
// wallet API is at base, such as "http://127.0.0.1:8546".
func Dial(ctx context.Context, base string) (*Client, error) {
	c := &Client{base: strings.TrimRight(base, "/")}
	if err := c.call(ctx, http.MethodGet, sdk.RouteParameters, nil, &c.parameters); err != nil {
		return nil, fmt.Errorf("fetch network parameters: %w", err)
	}
	resp, err := c.do(ctx, http.MethodGet, sdk.RoutePublicKey, nil)
	if err != nil {
		return nil, fmt.Errorf("fetch public key: %w", err)
	}
	defer resp.Body.Close()
	if c.key, err = tfhe.ReadPublicKey(io.LimitReader(resp.Body, maxPublicKey)); err != nil {
		return nil, fmt.Errorf("fetch public key: %w", err)
	}
	return c, nil
}

// Parameters describe the network.
func (c *Client) Parameters() *sdk.Parameters { return c.parameters }

// PublicKey is the network's public key.
func (c *Client) PublicKey() *tfhe.PublicKey { return c.key }

// Encrypt encrypts values for a contract, to be sent by user. Where the network
// takes attested inputs it hands them to the coprocessor.
func (c *Client) Encrypt(ctx context.Context, contract, user fhe.Address, values ...sdk.Value) (*sdk.Input, error) {
	in, err := sdk.Encrypt(c.key, c.parameters.Binding(contract, user), values...)
	if err != nil || c.parameters.Inputs != sdk.InputsAttested {
		return in, err
	}
	var a sdk.Attestation
	if err := c.call(ctx, http.MethodPost, sdk.RouteInputs, sdk.InputRequest{List: in.Proof}, &a); err != nil {
		return nil, fmt.Errorf("hand the input to the coprocessor: %w", err)
	}
	return &sdk.Input{Handles: in.Handles, Proof: a.Proof}, nil
}

// Handle reports on a handle, waiting up to wait for it to be computed.
func (c *Client) Handle(ctx context.Context, h fhe.Handle, wait time.Duration) (*sdk.HandleStatus, error) {
	route := strings.Replace(sdk.RouteHandle, "{handle}", h.String(), 1) + "?wait=" + wait.String()
	var s sdk.HandleStatus
	return &s, c.call(ctx, http.MethodGet, route, nil, &s)
}

// maxCiphertext is the most that a node answers for one handle.
const maxCiphertext = 65 + 1 + 1<<16

// Ciphertext fetches what the coprocessor keeps of a handle that is ready, and its
// signature. It checks neither.
func (c *Client) Ciphertext(ctx context.Context, h fhe.Handle) (*sdk.Ciphertext, error) {
	resp, err := c.do(ctx, http.MethodGet, strings.Replace(sdk.RouteCiphertext, "{handle}", h.String(), 1), nil)
	if err != nil {
		return nil, fmt.Errorf("fetch ciphertext of %s: %w", h, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxCiphertext+1))
	if err != nil {
		return nil, fmt.Errorf("fetch ciphertext of %s: %w", h, err)
	}
	if len(b) < 65+1 || len(b) > maxCiphertext {
		return nil, fmt.Errorf("ciphertext of %s has %d bytes, want %d to %d", h, len(b), 65+1, maxCiphertext)
	}
	return &sdk.Ciphertext{Signature: [65]byte(b[:65]), Index: int(b[65]), Packed: b[66:]}, nil
}

// settle waits until none of the handles is being computed any more, for as
// long as ctx lasts: parties refuse what is not ready at once. What else is wrong
// with a handle is for them to say.
func (c *Client) settle(ctx context.Context, handles []fhe.Handle) error {
	for _, h := range handles {
		for pending := true; pending; {
			s, err := c.Handle(ctx, h, poll)
			if err != nil {
				return fmt.Errorf("wait for handle %s: %w", h, err)
			}
			pending = s.State == "pending"
		}
	}
	return nil
}

// UserDecrypt waits until the values are computed, sends a signed request to the
// committee through the node and opens the answers.
func (c *Client) UserDecrypt(ctx context.Context, d *sdk.Decryption) ([]*uint256.Int, error) {
	if err := c.settle(ctx, d.Request.Handles); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := c.do(ctx, http.MethodPost, sdk.RouteUserDecryptions, &d.Request)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxLine)
	open := false
	for lines.Scan() {
		var r sdk.Reply
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("decode a party's reply: %w", err)
		}
		done, err := d.Add(r)
		if err != nil {
			return nil, err
		}
		if done && !open {
			open = true
			time.AfterFunc(Linger, cancel)
		}
	}
	if !open {
		return nil, errors.Join(d.Failure(), lines.Err())
	}
	return d.Values()
}

// PublicDecrypt waits until the values are computed and asks for the values of
// publicly marked handles. They are those that 2t+1 members of the committee
// signed: the node is not believed.
func (c *Client) PublicDecrypt(ctx context.Context, handles ...fhe.Handle) (*sdk.PublicResult, error) {
	if err := c.settle(ctx, handles); err != nil {
		return nil, err
	}
	var r sdk.PublicResult
	err := c.call(ctx, http.MethodPost, sdk.RoutePublicDecryptions, sdk.PublicRequest{Handles: handles}, &r)
	if err != nil {
		return nil, err
	}
	r.Handles = handles
	if r.Values, err = c.parameters.OpenPublic(handles, r.Result, r.Proof); err != nil {
		return nil, err
	}
	return &r, nil
}

func (c *Client) call(ctx context.Context, method, route string, body, into any) error {
	resp, err := c.do(ctx, method, route, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(io.LimitReader(resp.Body, maxJSON)).Decode(into)
}

// do sends a request and turns every response but 2xx into an error.
func (c *Client) do(ctx context.Context, method, route string, body any) (*http.Response, error) {
	var encoded []byte
	if body != nil {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+route, bytes.NewReader(encoded))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	var failed sdk.ErrorBody
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxJSON)).Decode(&failed); err != nil || failed.Problem.Message == "" {
		return nil, fmt.Errorf("%s %s: %s", method, route, resp.Status)
	}
	return nil, &failed.Problem
}
