package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"fhevm/node/network"
	"fhevm/threshold"
	"fhevm/threshold/audit"
	"fhevm/threshold/committee"
)

// DefaultPartyMetrics is where a party's metrics and status are by default looked for.
const DefaultPartyMetrics = "127.0.0.1:9465"

// PartyStatus is how a committee party does: GET /status at its metrics address.
type PartyStatus struct {
	Version   string                     `json:"version"`
	Party     threshold.PartyID          `json:"party"`
	Parties   int                        `json:"parties"`
	Epoch     uint64                     `json:"epoch"`
	Network   string                     `json:"network"`
	ChainID   uint64                     `json:"chainId"`
	Head      uint64                     `json:"head"`  // newest block
	Final     uint64                     `json:"final"` // last final block
	Openings  uint64                     `json:"openings"`
	Limit     uint64                     `json:"limit"`
	Believes  string                     `json:"believes"` // whose word about ciphertexts it takes
	Peers     map[threshold.PartyID]bool `json:"peers"`    // whether there is a connection
	Audit     audit.Position             `json:"audit"`
	Quotas    committee.Quotas           `json:"quotas"`
	Started   time.Time                  `json:"started"`
	OK        bool                       `json:"ok"` // it can answer
	Problems  []PartyProblem             `json:"problems"`
	LastError []PartyError               `json:"lastErrors"` // of its log, the newest last
}

// PartyProblem is something that is wrong, and what to do about it.
type PartyProblem struct {
	Check  string `json:"check"` // chain, epoch, records, openings or peers
	What   string `json:"what"`
	Advice string `json:"advice"`
	Fatal  bool   `json:"fatal"` // the party answers nothing
}

// PartyError is an error in a party's log.
type PartyError struct {
	Time    time.Time `json:"time"`
	Message string    `json:"message"`
}

// partyWatch knows how a running party does.
type partyWatch struct {
	version string
	started time.Time
	of      func() *served // the newest epoch that the party serves, nil if there is none
	network *network.Description
	quotas  committee.Quotas
	own     string                                // address of its own coprocessor, or ""
	head    func(context.Context) (uint64, error) // number of the newest block
	errors  *recentErrors
}

// statusTimeout bounds how long a status waits for the chain.
const statusTimeout = 5 * time.Second

func (w *partyWatch) status() *PartyStatus {
	ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
	defer cancel()
	s := &PartyStatus{
		Version: w.version, Parties: len(w.network.Committee.Members), Network: string(w.network.Network), ChainID: w.network.ChainID,
		Peers: map[threshold.PartyID]bool{}, Quotas: w.quotas, Started: w.started, OK: true, Problems: []PartyProblem{}, LastError: w.errors.list(),
	}
	now := w.of()
	if now == nil {
		s.problem("epoch", "this party serves no epoch", "wait for a resharing to end, or get the share of the epoch that the key registry has in force", true)
		return s
	}
	standing := now.party.Standing()
	s.Party, s.Parties, s.Epoch = now.party.ID(), len(now.committee.Members), now.committee.Epoch.Number
	s.Openings, s.Limit, s.Audit = standing.Openings, standing.Limit, standing.Audit
	s.Believes = w.believes(&now.committee.Policy)
	w.checkChain(ctx, now.party, s)
	if standing.Err != nil {
		s.problem("records", standing.Err.Error(), "free or mend the disk of the data folder, then start the party again: it answers nothing that it cannot record", true)
	}
	s.checkOpenings(&standing)
	s.checkPeers(now)
	return s
}

func (w *partyWatch) believes(p *threshold.Policy) string {
	if w.own != "" {
		return "its own coprocessor, " + w.own
	}
	return fmt.Sprintf("%d of %d coprocessors", p.Need, len(p.Coprocessors))
}

func (s *PartyStatus) problem(check, what, advice string, fatal bool) {
	s.Problems = append(s.Problems, PartyProblem{check, what, advice, fatal})
	s.OK = s.OK && !fatal
}

func (s *PartyStatus) checkOpenings(of *committee.Standing) {
	switch {
	case of.Err != nil:
	case of.Openings >= of.Allowed:
		s.problem("openings", "the openings of the key are used up", "the network needs a new key", true)
	case of.Openings >= of.Limit:
		s.problem("openings", "the openings that the epoch was handed on with are used up", "ask the network's owner to put the next epoch in force", true)
	case of.Openings > of.Allowed/2:
		s.problem("openings", "more than half of the openings of the key are used up", "plan a new key for the network", false)
	}
}

func (w *partyWatch) checkChain(ctx context.Context, party *committee.Party, s *PartyStatus) {
	var err error
	var refused *threshold.Fault
	if s.Final, err = party.InForce(ctx); errors.As(err, &refused) {
		s.problem("epoch", refused.Message, "nothing is wrong if the network has moved to another committee: stop this party; else ask the network's owner", true)
	} else if err != nil {
		s.problem("chain", err.Error(), "start the chain's node, or give the party another one by --rpc", true)
	}
	if err == nil {
		if s.Head, err = w.head(ctx); err != nil {
			s.problem("chain", err.Error(), "look at the chain's node", false)
		}
	}
	s.Head = max(s.Head, s.Final)
}

// checkPeers looks whether enough parties are there for public decryptions. Users'
// are answered without them.
func (s *PartyStatus) checkPeers(now *served) {
	up := 1
	for id, peer := range now.peers {
		if s.Peers[id] = connected(peer); s.Peers[id] {
			up++
		}
	}
	if need := now.committee.Quorum().Agree(); up < need {
		s.problem("peers", fmt.Sprintf("%d of %d parties are connected, this one with them, and public decryptions need %d", up, s.Parties, need),
			"see that the others run, and that their addresses in network.json are reached from here", false)
	}
}

// connected reports whether there is a connection to a party, and begins one.
func connected(peer committee.Service) bool {
	c, ok := peer.(*committee.Client)
	return ok && c.Connected()
}

// serve adds the routes of a party's operator.
func (w *partyWatch) serve(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(out http.ResponseWriter, _ *http.Request) {
		writeCheck(out, true, map[string]bool{"ok": true})
	})
	mux.HandleFunc("GET /readyz", func(out http.ResponseWriter, _ *http.Request) {
		s := w.status()
		writeCheck(out, s.OK, map[string]any{"ok": s.OK, "problems": s.Problems})
	})
	mux.HandleFunc("GET /status", func(out http.ResponseWriter, _ *http.Request) { writeJSON(out, w.status()) })
}

// FetchPartyStatus asks the party whose metrics are at an address or URL.
func FetchPartyStatus(ctx context.Context, address string) (*PartyStatus, error) {
	url := strings.TrimSuffix(strings.TrimSuffix(address, "/"), "/metrics")
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	ctx, cancel := context.WithTimeout(ctx, 2*statusTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/status", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no party answers: %w (does it run, with --metrics %s?)", err, address)
	}
	defer resp.Body.Close()
	s := new(PartyStatus)
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(s); err != nil || s.Parties == 0 {
		return nil, fmt.Errorf("what answers at %s is no party: %s", url, resp.Status)
	}
	return s, nil
}

// recentErrors passes log records on and keeps the last errors. Handlers that
// derive from one share what is kept.
type recentErrors struct {
	slog.Handler
	kept *keptErrors
}

type keptErrors struct {
	mu   sync.Mutex
	last []PartyError
}

const maxErrors = 8

func keepErrors(h slog.Handler) *recentErrors { return &recentErrors{h, new(keptErrors)} }

// Enabled implements slog.Handler.
func (e *recentErrors) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelError || e.Handler.Enabled(ctx, l)
}

// Handle implements slog.Handler.
func (e *recentErrors) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		e.keep(r)
	}
	if !e.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return e.Handler.Handle(ctx, r)
}

func (e *recentErrors) keep(r slog.Record) {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		return true
	})
	e.kept.mu.Lock()
	defer e.kept.mu.Unlock()
	e.kept.last = append(e.kept.last, PartyError{r.Time.UTC(), text})
	e.kept.last = e.kept.last[max(0, len(e.kept.last)-maxErrors):]
}

func (e *recentErrors) list() []PartyError {
	e.kept.mu.Lock()
	defer e.kept.mu.Unlock()
	return append([]PartyError{}, e.kept.last...)
}

// WithAttrs implements slog.Handler.
func (e *recentErrors) WithAttrs(a []slog.Attr) slog.Handler {
	return &recentErrors{e.Handler.WithAttrs(a), e.kept}
}

// WithGroup implements slog.Handler.
func (e *recentErrors) WithGroup(name string) slog.Handler {
	return &recentErrors{e.Handler.WithGroup(name), e.kept}
}
