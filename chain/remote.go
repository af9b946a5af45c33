package chain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/ethereum/go-ethereum/trie"
)

// Bounds of what a foreign chain may answer, and how long it may take.
const (
	maxAnswer      = 128 << 20
	requestTimeout = 30 * time.Second
	firstPause     = 100 * time.Millisecond // between attempts; doubles
	longestPause   = 5 * time.Second
)

// How often a chain is asked for its head, where it does not tell by itself.
const pollInterval = 500 * time.Millisecond

// RemoteConfig says how to follow a chain that is not ours.
type RemoteConfig struct {
	URL    string // of its JSON-RPC: http, https, ws or wss
	Depth  Depth  // of the blocks that count
	Logger *slog.Logger
	// Progress is told how far a long catching up is, in blocks.
	Progress func(done, total uint64)
}

// Remote is a chain that is not ours, by its JSON-RPC. While it does not answer
// its methods try again, and say so once, until their context ends.
type Remote struct {
	cfg     RemoteConfig
	host    string // of the URL, whose path may hold a secret
	client  *ethclient.Client
	genesis common.Hash
	changed *signal // fired when the head may be another
	stop    context.CancelFunc
	stopped chan struct{}
}

// Dial connects to a chain, and waits for half a minute until it answers: it may
// have been started with us.
func Dial(ctx context.Context, cfg RemoteConfig) (*Remote, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Progress == nil {
		cfg.Progress = func(uint64, uint64) {}
	}
	limit := &http.Client{Transport: bounded{http.DefaultTransport}, Timeout: requestTimeout}
	conn, err := rpc.DialOptions(ctx, cfg.URL, rpc.WithHTTPClient(limit), rpc.WithWebsocketMessageSizeLimit(maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("dial the chain at %s: %w", hostOf(cfg.URL), tidied(err))
	}
	r := &Remote{cfg: cfg, host: hostOf(cfg.URL), client: ethclient.NewClient(conn), changed: newSignal(), stopped: make(chan struct{})}
	if err := r.greet(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("chain at %s: %w", r.host, err)
	}
	watching, stop := context.WithCancel(context.Background())
	r.stop = stop
	go r.watch(watching)
	return r, nil
}

// greet reads block 0, by which the chain is known again, and the last block
// that counts, whose hash must be that of its fields.
func (r *Remote) greet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var cause error
	err := r.again(ctx, "block 0", func(ctx context.Context) error {
		first, err := r.block(ctx, 0)
		if err == nil {
			r.genesis = first.hash
			var last *types.Header
			if last, err = r.cfg.Depth.last(ctx, r.client); err == nil {
				_, err = r.block(ctx, last.Number.Uint64())
			}
		}
		cause = err
		return err
	})
	if errors.Is(err, context.DeadlineExceeded) && cause != nil {
		return tidied(cause)
	}
	return err
}

// bounded cuts answers off.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(req)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}

// Client calls the chain's JSON-RPC.
func (r *Remote) Client() *ethclient.Client { return r.client }

// Close hangs up.
func (r *Remote) Close() error {
	r.stop()
	<-r.stopped
	r.client.Close()
	return nil
}

// watch fires when the chain has another head: as it says by itself over a
// WebSocket, and at intervals.
func (r *Remote) watch(ctx context.Context) {
	defer close(r.stopped)
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	heads := make(chan *types.Header, 16)
	var lost <-chan error
	for {
		if lost == nil && strings.HasPrefix(r.cfg.URL, "ws") {
			if sub, err := r.client.SubscribeNewHead(ctx, heads); err == nil {
				lost = sub.Err()
			}
		}
		select {
		case <-tick.C:
		case <-heads:
		case <-lost:
			lost = nil
		case <-ctx.Done():
			return
		}
		r.changed.fire()
	}
}

// errAnotherChain ends whatever reads the chain.
var errAnotherChain = errors.New("it is another chain now, without the blocks that this node follows: stop, and start with another data folder")

// again calls f until it succeeds, its error is an answer of its own, or ctx ends.
func (r *Remote) again(ctx context.Context, what string, f func(context.Context) error) error {
	told := false
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := tidied(r.attempt(ctx, f))
		switch {
		case err == nil && told:
			r.cfg.Logger.Warn("the chain answers again", "chain", r.host)
			return nil
		case err == nil, errors.Is(err, ErrUndone), errors.Is(err, errAnotherChain), ctx.Err() != nil:
			return err
		case !told:
			told = true
			r.cfg.Logger.Warn("the chain does not answer as it should: trying until it does", "chain", r.host, "request", what, "error", err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *Remote) attempt(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return f(ctx)
}

// hostOf is what messages say of a URL: its path, query or user may be the key of
// an account with whoever runs the chain's node.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "an address that is no URL"
	}
	return u.Scheme + "://" + u.Host
}

// tidied takes the URL out of an error of package net/http, and the page out of what a
// server says that knows no JSON-RPC.
func tidied(err error) error {
	if of, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("%s %s: %w", of.Op, hostOf(of.URL), of.Err)
	}
	if page, ok := errors.AsType[rpc.HTTPError](err); ok {
		return fmt.Errorf("%s: is JSON-RPC served at this URL?", page.Status)
	}
	return err
}

// recognise fails on a chain that is not the one that was dialled.
func (r *Remote) recognise(ctx context.Context) error {
	first, err := r.block(ctx, 0)
	if err == nil && first.hash != r.genesis {
		return fmt.Errorf("chain at %s: %w", r.host, errAnotherChain)
	}
	return err
}

// block is a block as a chain describes it.
type block struct {
	header       *types.Header
	hash         common.Hash
	transactions []common.Hash
}

// UnmarshalJSON reads the header and what stands beside its fields.
func (b *block) UnmarshalJSON(raw []byte) error {
	b.header = new(types.Header)
	if err := json.Unmarshal(raw, b.header); err != nil {
		return err
	}
	var beside struct {
		Hash         common.Hash
		Transactions []common.Hash
	}
	err := json.Unmarshal(raw, &beside)
	b.hash, b.transactions = beside.Hash, beside.Transactions
	return err
}

const getBlock = "eth_getBlockByNumber"

// block reads one block.
func (r *Remote) block(ctx context.Context, number uint64) (*block, error) {
	var b *block
	if err := r.client.Client().CallContext(ctx, &b, getBlock, hexutil.Uint64(number), false); err != nil {
		return nil, fmt.Errorf("read block %d: %w", number, err)
	}
	return b, b.check(number)
}

// blocks reads some blocks that follow each other, in one request.
func (r *Remote) blocks(ctx context.Context, from, count uint64) ([]*block, error) {
	out, batch := make([]*block, count), make([]rpc.BatchElem, count)
	for i := range batch {
		batch[i] = rpc.BatchElem{Method: getBlock, Args: []any{hexutil.Uint64(from + uint64(i)), false}, Result: &out[i]}
	}
	if err := r.client.Client().BatchCallContext(ctx, batch); err != nil {
		return nil, fmt.Errorf("read %d blocks from %d: %w", count, from, err)
	}
	for i, b := range out {
		if err := batch[i].Error; err != nil {
			return nil, fmt.Errorf("read block %d: %w", from+uint64(i), err)
		}
		if err := b.check(from + uint64(i)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// check fails on an answer that contradicts itself, or is none: an endpoint may
// be several machines that do not have the same blocks.
func (b *block) check(number uint64) error {
	switch {
	case b == nil:
		return fmt.Errorf("read block %d: %w", number, ErrUndone)
	case b.header.Number == nil || !b.header.Number.IsUint64() || b.header.Number.Uint64() != number:
		return fmt.Errorf("asked for block %d, the chain answers with block %v", number, b.header.Number)
	case b.header.Hash() != b.hash:
		return fmt.Errorf("block %d has hash %s, the chain says, and its fields hash to %s: the answer is wrong, or the chain's headers are not Ethereum's",
			number, b.hash, b.header.Hash())
	}
	return nil
}

// receipts reads the receipts of a block and checks that they are its own.
func (r *Remote) receipts(ctx context.Context, b *block) (out types.Receipts, err error) {
	err = r.client.Client().CallContext(ctx, &out, "eth_getBlockReceipts", b.hash)
	if refused := rpc.Error(nil); errors.As(err, &refused) && slices.Contains(noSuchMethod, refused.ErrorCode()) {
		out, err = r.singly(ctx, b)
	}
	if err != nil {
		return nil, fmt.Errorf("read the receipts of block %s: %w", b.header.Number, err)
	}
	if slices.Contains(out, nil) {
		return nil, fmt.Errorf("read the receipts of block %s: one is missing: %w", b.header.Number, ErrUndone)
	}
	if root := types.DeriveSha(out, trie.NewStackTrie(nil)); root != b.header.ReceiptHash {
		return nil, fmt.Errorf("the receipts of block %s have root %s, its header says %s", b.header.Number, root, b.header.ReceiptHash)
	}
	return out, nil
}

// noSuchMethod are the codes by which a chain refuses a method: of JSON-RPC, and of
// EIP-1474, which Hardhat's node gives.
var noSuchMethod = []int{-32601, -32004}

// singly reads receipts where the chain does not give all of a block at once.
func (r *Remote) singly(ctx context.Context, b *block) (types.Receipts, error) {
	out, batch := make(types.Receipts, len(b.transactions)), make([]rpc.BatchElem, len(b.transactions))
	for i, hash := range b.transactions {
		batch[i] = rpc.BatchElem{Method: "eth_getTransactionReceipt", Args: []any{hash}, Result: &out[i]}
	}
	err := r.client.Client().BatchCallContext(ctx, batch)
	for _, e := range batch {
		err = errors.Join(err, e.Error)
	}
	return out, err
}
