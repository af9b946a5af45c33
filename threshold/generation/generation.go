package generation

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/dealer"
	"fhevm/threshold/dkg"
	"fhevm/threshold/identity"
)

// Config says who takes part in which run, and how patiently. All parties of a run
// need the same Run.
type Config struct {
	Run      *dkg.Run
	Party    threshold.PartyID
	Identity *identity.Identity
	Listener net.Listener  // at the party's address; Generate closes it
	Gather   time.Duration // for all parties to appear; default 15 minutes
	Patience time.Duration // for what they owe later; default 2 minutes
	// Keep makes a result durable before the party confirms it: from then on others
	// may take the run for done. It has no certificate yet.
	Keep     func(*Result) error
	Progress func(Progress)
	Log      *slog.Logger

	dial dialer // TCP, but in tests
}

// Progress is how far a run is.
type Progress struct {
	Done, Total int
	Awaited     threshold.PartySet // parties whose messages are missing
}

// Result is what a party takes out of a run.
type Result struct {
	Keys        *dkg.Keys
	Secret      *dealer.Secret // the caller wipes it
	Certificate []*dkg.Message // every party's confirmation
}

// A party that is done, or has failed, stays for those who are not: as long as they
// lack its messages, and a moment for theirs.
const (
	linger = 30 * time.Second
	moment = time.Second
)

// ErrInDoubt says that a run ended after this party had confirmed its keys. Another
// party may have every confirmation, and then the keys are in use: what Keep kept must
// stay until that is known.
var ErrInDoubt = errors.New("this party had confirmed the keys, and others may use them")

// Generate takes part in a run until it is done or has failed with a *dkg.Failure, or
// with ErrInDoubt too.
func Generate(ctx context.Context, cfg Config) (*Result, error) {
	cfg.setDefaults()
	defer cfg.Listener.Close()
	machine, err := dkg.New(cfg.Run, cfg.Party, cfg.Identity.Signer, rand.Reader)
	if err != nil {
		return nil, err
	}
	defer machine.Wipe()
	p := newParty(cfg, machine)
	if err := p.part(ctx); err != nil {
		if p.kept != nil {
			p.kept.Secret.Wipe()
			err = fmt.Errorf("%w: %w", ErrInDoubt, err)
		}
		return nil, err
	}
	p.kept.Certificate = machine.Certificate()
	return p.kept, nil
}

// Resume finishes a run whose keys, with these digests, this party has confirmed and
// kept. It collects the others' confirmations, of which some may be known, and gives them
// to who lacks them: a party that knows all stays for the time of Gather for those that
// do not. Where some do not come it fails with ErrInDoubt.
func Resume(ctx context.Context, cfg Config, key, squash fhe.Digest, known []*dkg.Message) ([]*dkg.Message, error) {
	cfg.setDefaults()
	defer cfg.Listener.Close()
	cfg.Patience = cfg.Gather
	machine, err := dkg.Resume(cfg.Run, cfg.Party, cfg.Identity.Signer, key, squash, known)
	if err != nil {
		return nil, err
	}
	defer machine.Wipe()
	p := newParty(cfg, machine)
	p.kept = new(Result)
	if machine.Done() {
		p.linger = cfg.Gather
	}
	if err := p.part(ctx); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInDoubt, err)
	}
	return machine.Certificate(), nil
}

func (c *Config) setDefaults() {
	if c.Gather == 0 {
		c.Gather = 15 * time.Minute
	}
	if c.Patience == 0 {
		c.Patience = 2 * time.Minute
	}
	if c.Keep == nil {
		c.Keep = func(*Result) error { return nil }
	}
	if c.Progress == nil {
		c.Progress = func(Progress) {}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.dial == nil {
		c.dial = func(ctx context.Context, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}
	}
}

// party is a machine with its links to the others.
type party struct {
	cfg     Config
	machine *dkg.Machine
	in      chan *dkg.Message
	links   map[threshold.PartyID]*link
	kept    *Result // once the machine has confirmed
	linger  time.Duration
	server  interface{ Stop() }
}

func newParty(cfg Config, machine *dkg.Machine) *party {
	return &party{cfg: cfg, machine: machine, in: make(chan *dkg.Message), links: make(map[threshold.PartyID]*link), linger: linger}
}

// part has the machine take part until its run ends.
func (p *party) part(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := p.connect(ctx); err != nil {
		return err
	}
	defer p.close()
	return p.run(ctx)
}

func (p *party) connect(ctx context.Context) error {
	for _, m := range p.cfg.Run.Committee.Members {
		if m.Party == p.cfg.Party {
			continue
		}
		l, err := newLink(m, p.cfg.Identity, p.cfg.dial)
		if err != nil {
			p.close()
			return err
		}
		p.links[m.Party] = l
		go l.carry(ctx)
	}
	server, entrance := newServer(p.cfg.Run.Committee, p.cfg.Identity, p.in)
	p.server = server
	go func() {
		if err := server.Serve(entrance.Listen(p.cfg.Listener)); err != nil {
			p.cfg.Log.Error("key generation: cannot listen", "error", err)
		}
	}()
	return nil
}

func (p *party) close() {
	if p.server != nil {
		p.server.Stop()
	}
	for _, l := range p.links {
		l.conn.Close()
	}
}

// run drives the machine. Who is awaited for too long is told by the machine's own
// rules to be silent. A message that came while this party was busy earns more
// patience, but once: messages that bring nothing further must not hold up the end.
func (p *party) run(ctx context.Context) error {
	patience := time.NewTimer(p.cfg.Gather)
	defer patience.Stop()
	last, late := Progress{Total: -1}, false
	for p.machine.Failure() == nil && !p.machine.Done() {
		if err := p.send(); err != nil {
			return err
		}
		if now := p.progress(); now != last {
			last, late = now, false
			p.cfg.Progress(now)
			if now.Done > 0 {
				patience.Reset(p.cfg.Patience)
			}
		}
		select {
		case msg := <-p.in:
			p.machine.Receive(msg)
		case <-patience.C:
			patience.Reset(p.cfg.Patience)
			if late = !late && p.receive(); late {
				continue
			}
			p.cfg.Log.Warn("key generation: parties are silent", "awaited", last.Awaited)
			p.machine.Timeout()
		case <-ctx.Done():
			return fmt.Errorf("key generation stopped: %w", ctx.Err())
		}
	}
	if err := p.drain(ctx); err != nil {
		return err
	}
	p.cfg.Progress(p.progress())
	if f := p.machine.Failure(); f != nil {
		return f
	}
	return nil
}

// receive takes a message that waits, if there is one.
func (p *party) receive() bool {
	select {
	case msg := <-p.in:
		p.machine.Receive(msg)
		return true
	default:
		return false
	}
}

func (p *party) progress() Progress {
	done, total := p.machine.Progress()
	return Progress{done, total, p.machine.Awaited()}
}

// send queues what the machine has to say. What a confirmation is about is kept first.
func (p *party) send() error {
	if p.machine.Confirmed() && p.kept == nil {
		secret, err := p.machine.Secret()
		if err != nil {
			return err
		}
		result := &Result{Keys: p.machine.Keys(), Secret: secret}
		if err := p.cfg.Keep(result); err != nil {
			secret.Wipe()
			return fmt.Errorf("keep this party's share: %w", err)
		}
		p.kept = result
	}
	for _, e := range p.machine.Out() {
		for id := range e.To.All() {
			p.links[id].push(e.Message)
		}
	}
	return nil
}

// owes reports whether a party that is not to blame lacks messages.
func (p *party) owes() bool {
	blamed := threshold.PartySet(0)
	if f := p.machine.Failure(); f != nil {
		for _, b := range f.Blames {
			blamed = blamed.With(b.Party)
		}
	}
	for id, l := range p.links {
		if l.first() != nil && !blamed.Has(id) {
			return true
		}
	}
	return false
}

// drain stays until the others have all messages, and takes theirs: a party that is
// not done yet may still need an answer.
func (p *party) drain(ctx context.Context) error {
	end := time.NewTimer(p.linger)
	defer end.Stop()
	tick := time.NewTicker(retry)
	defer tick.Stop()
	for start := time.Now(); p.owes() || time.Since(start) < moment; {
		if err := p.send(); err != nil {
			return err
		}
		select {
		case msg := <-p.in:
			p.machine.Receive(msg)
		case <-tick.C:
		case <-end.C:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}
