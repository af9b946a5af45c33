package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"

	"fhevm/coprocessor"
	"fhevm/coprocessor/store"
	"fhevm/fhe"
	"fhevm/node/network"
	"fhevm/sdk/client"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sync/errgroup"
)

// VerifyConfig says whose work is computed again.
type VerifyConfig struct {
	Network network.Folder // public.key, evaluation.key, random.key, network.json and the epoch-N.json in force
	Chain   Attach         // by the verifier's own or a trusted node; nothing is deployed
	API     string         // wallet API URL of the node to be verified
	From    uint64         // first block whose handles are verified
	Sample  float64        // fraction of them, above 0 to 1
	Seed    uint64         // of the sample
	Workers int            // bootstraps at a time, default all processors
	Logger  *slog.Logger

	// Optional: told how far reading the chain is, then of each handle.
	Progress func(stage string, done, total uint64)
	Report   func(*Finding)
}

// Verified counts an audit's findings.
type Verified struct {
	Agree, Disagree, Unclear int // unclear: no coprocessor of the network signs a ciphertext, or the computation fails here
	Wanted                   int // handles from which the sample was drawn
}

// Verify reads the chain's log, computes a sample of what a node has computed again,
// and compares it with what that node signs. What entered the transactions of the sample from
// earlier ones it takes as the node signs it; with Sample = 1 it takes nothing.
//
// The log and what is computed from it stand in a folder for temporary files (TMPDIR),
// which goes when Verify returns.
func Verify(ctx context.Context, cfg VerifyConfig) (*Verified, error) {
	if !(cfg.Sample > 0 && cfg.Sample <= 1) {
		return nil, fmt.Errorf("the sample is %v: want a fraction above 0, up to 1", cfg.Sample)
	}
	n := newNode(Config{Network: cfg.Network, Logger: cfg.Logger})
	var err error
	if n.network, err = cfg.Network.Description(); err != nil {
		return nil, err
	}
	at := cfg.Chain
	at.Deploy, at.Progress = false, cfg.reading()
	if err := n.attach(ctx, &at); err != nil {
		return nil, err
	}
	defer n.chain.Close()
	a, err := openArithmetic(cfg.Network, n.network, cfg.Workers)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	place, err := openScratch()
	if err != nil {
		return nil, err
	}
	defer place.Close()
	if n.coprocessor, err = coprocessor.Open(coprocessor.Config{
		Domain: n.Domain(), Dir: place.dir, FS: hasty{vfs.Default}, Evaluator: a.evaluator, Logger: n.config.Logger,
	}); err != nil {
		return nil, err
	}
	defer n.coprocessor.Close()
	return n.verify(ctx, &cfg)
}

func (cfg *VerifyConfig) reading() func(done, total uint64) {
	if cfg.Progress == nil {
		return nil
	}
	return func(done, total uint64) { cfg.Progress("reading the chain", done, total) }
}

// verify audits with the node's own coprocessor, which has nothing yet.
func (n *Node) verify(ctx context.Context, cfg *VerifyConfig) (*Verified, error) {
	wallet, err := client.Dial(ctx, cfg.API)
	if err != nil {
		return nil, err
	}
	if other := wallet.Parameters().Domain(); other != n.Domain() {
		return nil, errors.New("the node at --api is of another network than the chain at --rpc and the keys")
	}
	log := &auditLog{Coprocessor: n.coprocessor, from: cfg.From}
	if err := n.read(ctx, log); err != nil {
		return nil, err
	}
	sample := log.sample(cfg.Sample, cfg.Seed)
	out := &Verified{Wanted: len(log.wantedFrom())}
	signers, err := n.coprocessors(ctx)
	if err != nil {
		return nil, err
	}
	fetch := func(ctx context.Context, h fhe.Handle) (*coprocessor.Claim, error) {
		c, err := wallet.Ciphertext(ctx, h)
		if err != nil {
			return nil, err
		}
		return coprocessor.NewClaim(n.Domain(), signers, h, c.Packed, c.Signature[:])
	}
	report := func(f *Finding) {
		out.count(f)
		if cfg.Report != nil {
			cfg.Report(f)
		}
		if cfg.Progress != nil {
			cfg.Progress("computing again", uint64(out.Agree+out.Disagree+out.Unclear), uint64(len(sample)))
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	running, done := context.WithCancel(ctx)
	g.Go(func() error { return n.coprocessor.Run(running) })
	g.Go(func() error {
		defer done()
		return n.coprocessor.Audit(ctx, coprocessor.AuditConfig{Handles: sample, Fetch: fetch, Alone: cfg.Sample == 1, Report: report})
	})
	return out, g.Wait()
}

// coprocessors are those whose word counts: whom the policy of a committee lists that
// the key registry has in force and the network's folder describes.
func (n *Node) coprocessors(ctx context.Context) (signers []fhe.Address, err error) {
	block, err := n.view().Finalized(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range n.network.Committees() {
		now, err := block.CommitteeOf(ctx, c.Epoch.Number)
		if err != nil {
			return nil, err
		}
		if sameCommittee(now, network.OnChain(c)) {
			signers = append(signers, c.Policy.Coprocessors...)
		}
	}
	if len(signers) == 0 {
		return nil, errors.New("the network's folder describes no committee that the key registry has in force: get the newest epoch-N.json from a party")
	}
	return signers, nil
}

// Err says what the findings prove, and what to do: nil only if every handle of the
// sample agrees.
func (v *Verified) Err() error {
	switch {
	case v.Disagree > 0:
		return fmt.Errorf("the node has signed %d digests that are wrong: keep its signatures, which convict it", v.Disagree)
	case v.Unclear > 0:
		return fmt.Errorf("the node has not shown %d ciphertexts under a signature of the network's coprocessors: verify again once it has computed them, "+
			"with every epoch-N.json of the network; a node that withholds them still is not verified", v.Unclear)
	}
	return nil
}

func (v *Verified) count(f *Finding) {
	switch {
	case f.Agrees():
		v.Agree++
	case f.Err != nil:
		v.Unclear++
	default:
		v.Disagree++
	}
}

// read has the log take the chain's blocks up to the present last one.
func (n *Node) read(ctx context.Context, log *auditLog) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	followed := make(chan error, 1)
	go func() {
		followed <- n.feed.Follow(reading, n.first, log)
		stop()
	}()
	reached := n.feed.Reach(reading)
	stop()
	if err := <-followed; !errors.Is(err, context.Canceled) || ctx.Err() != nil {
		return fmt.Errorf("read the chain's log: %w", err)
	}
	return reached
}

// auditLog is a coprocessor that takes a log without its wants, which it notes.
type auditLog struct {
	*coprocessor.Coprocessor
	from            uint64
	wanted, defined []logged // in the order of the log
}

// logged is a handle of a block.
type logged struct {
	handle fhe.Handle
	block  uint64
}

// Revert implements chain.Sink.
func (l *auditLog) Revert(number uint64) error {
	undone := func(x logged) bool { return x.block > number }
	l.wanted, l.defined = slices.DeleteFunc(l.wanted, undone), slices.DeleteFunc(l.defined, undone)
	return l.Coprocessor.Revert(number)
}

// Append implements chain.Sink.
func (l *auditLog) Append(b fhe.Batch) error {
	var kept []fhe.Entry
	for _, e := range b.Entries {
		if e.Wanted != nil {
			l.wanted = append(l.wanted, logged{*e.Wanted, b.Number})
			continue
		}
		kept = append(kept, e)
		defined, err := definedBy(&e)
		if err != nil {
			return err
		}
		for _, h := range defined {
			l.defined = append(l.defined, logged{h, b.Number})
		}
	}
	b.Entries = kept
	return l.Coprocessor.Append(b)
}

// definedBy lists the handles that an operation or an input list defines.
func definedBy(e *fhe.Entry) (out []fhe.Handle, err error) {
	if e.Input != nil {
		list, err := store.ParseList(e.Input.Encoding)
		if err != nil {
			return nil, err
		}
		return list.Handles(), nil
	}
	for _, r := range e.Operation.Derivation.Results() {
		out = append(out, r.Handle)
	}
	return out, nil
}

// wantedFrom are the handles that blocks from the first to be verified on want.
func (l *auditLog) wantedFrom() map[fhe.Handle]bool {
	out := make(map[fhe.Handle]bool)
	for _, w := range l.wanted {
		if w.block >= l.from {
			out[w.handle] = true
		}
	}
	return out
}

// sample draws from the wanted handles, in the order of the log.
func (l *auditLog) sample(p float64, seed uint64) (out []fhe.Handle) {
	r := rand.New(rand.NewPCG(seed, 0))
	open := l.wantedFrom()
	for _, d := range l.defined {
		if h := d.handle; open[h] {
			delete(open, h) // once
			if r.Float64() < p {
				out = append(out, h)
			}
		}
	}
	return slices.Clip(out)
}
