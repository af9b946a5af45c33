// Command member is a corrupt party of a committee, for the tests over real
// processes in e2e. It has a party's keys and share, and is a party of the product
// behind a server that misbehaves as it is told.
//
//	member manners       lists what it can be told
//	member run FILE      serves; FILE is a JSON config
//	member generate FILE takes part in a key generation; FILE is a JSON birth
//
// It reads its orders anew at every call: a line of a file, a manner and a seed.
// What it does it says on standard output, as JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/ceremony"
	"fhevm/threshold/committee"
	"fhevm/threshold/dealer"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/identity"
)

// config says which party this is, and of which network.
type config struct {
	Identity, Secret string // paths
	Domain           fhe.Domain
	Verifier         fhe.Address
	API              string // of the coprocessor's node
	Data             string // folder of the records
	Orders           string // path
	Next             *next  `json:",omitempty"` // the resharing that it takes part in
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "manners":
		for _, name := range names() {
			fmt.Println(name)
		}
		return nil
	case len(args) == 2 && args[0] == "run":
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		return read(args[1], func(c *config) error { return serve(ctx, c) })
	case len(args) == 2 && args[0] == "generate":
		return read(args[1], func(b *birth) error { return generate(context.Background(), b) })
	}
	return fmt.Errorf("usage: member manners | member run FILE | member generate FILE")
}

// read decodes a file for somebody.
func read[T any](path string, then func(*T) error) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	v := new(T)
	if err := threshold.DecodeJSON(b, v); err != nil {
		return err
	}
	return then(v)
}

func serve(ctx context.Context, c *config) error {
	m, err := open(c)
	if err != nil {
		return err
	}
	own, err := m.secret.Committee.Member(m.id)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", own.Address)
	if err != nil {
		return err
	}
	if m.session != nil {
		go m.reshare(ctx)
	}
	f, err := newFront(m, l)
	if err != nil {
		return err
	}
	fmt.Println("serves")
	return f.serve(ctx)
}

// member is a party with all that it needs to lie.
type member struct {
	*config
	id       threshold.PartyID
	identity *identity.Identity
	secret   *dealer.Secret
	key      *decrypt.Key
	squasher *squasher
	party    *committee.Party // which says what is right
	peers    map[threshold.PartyID]committee.Service
	session  *ceremony.Session // of a resharing
	plan     fhe.Digest
}

func open(c *config) (m *member, err error) {
	m = &member{config: c, squasher: newSquasher(c.API)}
	if m.identity, err = committee.LoadIdentity(c.Identity); err != nil {
		return nil, err
	}
	if m.secret, err = committee.LoadSecret(c.Secret, m.identity); err != nil {
		return nil, err
	}
	m.id = m.secret.Party
	if m.key, err = m.secret.Key(); err != nil {
		return nil, err
	}
	records, err := committee.OpenRecords(committee.RecordsConfig{
		Dir: c.Data, Signer: m.identity.Signer, SquashKey: m.secret.Committee.Epoch.SquashKey,
	})
	if err != nil {
		return nil, err
	}
	m.party, err = committee.Open(committee.Config{
		Identity: m.identity, Secret: m.secret, Domain: c.Domain, Verifier: c.Verifier,
		Chain: anything{m.id}, Squashers: []committee.Squasher{m.squasher}, Development: true, Records: records,
	})
	if err != nil {
		return nil, err
	}
	m.peers, _, err = committee.DialPeers(m.secret.Committee, m.identity, m.id)
	if m.party.Connect(m.peers); err == nil && c.Next != nil {
		err = m.attend()
	}
	return m, err
}

// partials are the party's own of some handles.
func (m *member) partials(ctx context.Context, handles []fhe.Handle) ([]decrypt.Partial, error) {
	var out []decrypt.Partial
	for _, h := range handles {
		r := committee.NewSquashRequest(m.Domain, m.secret.Committee.Epoch, m.id, m.identity.Signer, h)
		s, err := m.squasher.Squashed(ctx, r)
		if err != nil {
			return nil, err
		}
		out = append(out, m.key.Partials(decrypt.NewBlocks(s.Blocks))...)
	}
	return out, nil
}

// others are as many partials of anything else.
func (m *member) others(of []fhe.Handle) []decrypt.Partial {
	blocks := decrypt.Blocks(decrypt.Types(of))
	for h, s := range m.squasher.known() {
		if !slices.Contains(of, h) && len(s.Blocks) >= blocks {
			return m.key.Partials(decrypt.NewBlocks(s.Blocks))[:blocks]
		}
	}
	return nil
}

// deed is what was done in answer to a call.
type deed struct {
	Method   string            `json:"method"`
	To       threshold.PartyID `json:"to"` // 0: a relay
	Manner   string            `json:"manner"`
	Deserves string            `json:"deserves,omitempty"` // the blame of whoever takes the answer
}

func (d deed) say() {
	b, _ := json.Marshal(d)
	fmt.Printf("%s\n", b)
}
