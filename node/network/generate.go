package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"fhevm/disk"
	"fhevm/fhe"
	"fhevm/fhe/tfhe"
	"fhevm/threshold"
	"fhevm/threshold/dealer"
	"fhevm/threshold/dkg"
	"fhevm/threshold/generation"
	"fhevm/threshold/prss"
)

// Files of a key generation without a dealer.
const (
	planFile        = "plan.json"        // the description, without what follows from the keys
	certificateFile = "certificate.json" // every party's signed confirmation of the keys
	attemptFile     = "attempt"          // the next attempt that a party may take part in
)

// PlanFile is the path of the plan for a key generation.
func (f Folder) PlanFile() string { return f.path(planFile) }

// Draft writes the plan for a key generation by the members themselves, and the
// identity of the node that the network is for.
func (f Folder) Draft(p Plan) (*Description, error) {
	d, node, err := f.begin(p)
	if err != nil {
		return nil, err
	}
	q := d.Committee.Quorum()
	margin, err := prss.NewMargin(q, dkg.Noise(q))
	if err != nil {
		return nil, err
	}
	d.Committee.Noise, d.Committee.Stat = margin.Noise, margin.Stat
	if _, err := d.Generation(0); err != nil {
		return nil, err
	}
	if err := WriteIdentity(f.path(nodeFile), node); err != nil {
		return nil, err
	}
	return d, f.writeJSON(planFile, d)
}

// ReadPlan reads what Draft wrote, and refuses a plan from which no generation can begin.
func ReadPlan(path string) (*Description, error) {
	b, err := disk.ReadFile(path, maxDescription)
	if err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	d := new(Description)
	if err := json.Unmarshal(b, d); err != nil {
		return nil, fmt.Errorf("read plan %s: %w", path, err)
	}
	if d.KeyID != (fhe.Digest{}) {
		return nil, fmt.Errorf("plan %s has keys already: it describes a network, not a plan", path)
	}
	planned := *d
	planned.KeyID[0] = 1 // what a genesis asks for, and the plan is to bring about
	planned.Committee.Epoch.Key = planned.KeyID
	if err := planned.check(); err != nil {
		return nil, fmt.Errorf("plan %s: %w", path, err)
	}
	if _, err := d.Generation(0); err != nil {
		return nil, fmt.Errorf("plan %s: %w", path, err)
	}
	return d, nil
}

// Generation is the run that makes the plan's keys. attempt counts those that the
// same parties have given up.
func (d *Description) Generation(attempt uint32) (*dkg.Run, error) {
	plan := *d // as it was before there were keys
	plan.KeyID, plan.RandomKey = fhe.Digest{}, fhe.Digest{}
	plan.Committee.Epoch.Key, plan.Committee.Epoch.SquashKey = fhe.Digest{}, fhe.Digest{}
	b, err := json.Marshal(&plan)
	if err != nil {
		return nil, err
	}
	return dkg.NewRun(&plan.Committee, &tfhe.Default, fhe.Keccak(b), attempt)
}

// Begin notes that a party takes part in an attempt, which it must not do twice: what
// it commits to is drawn anew each time, and the others would take it for a liar. It
// refuses a folder that is a network or has a share of the party.
func (f Folder) Begin(party threshold.PartyID, attempt uint32) error {
	if err := f.make(); err != nil {
		return err
	}
	for _, path := range []string{f.path(descriptionFile), f.ShareFile(party)} {
		if err := vacant(path); err != nil {
			return fmt.Errorf("begin a key generation: %w", err)
		}
	}
	next, err := f.nextAttempt()
	if err != nil {
		return err
	}
	if uint64(attempt) < next {
		return fmt.Errorf("this party has taken part in attempt %d, and has no share of it: use --attempt %d at every party", next-1, next)
	}
	return writeBytes(f.path(attemptFile), 0o600, fmt.Appendf(nil, "%d\n", uint64(attempt)+1))
}

// nextAttempt is the least that a party may take part in.
func (f Folder) nextAttempt() (uint64, error) {
	b, err := disk.ReadFile(f.path(attemptFile), 16)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	next, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 33)
	if err == nil && next > 1<<32 {
		err = strconv.ErrRange
	}
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", f.path(attemptFile), err)
	}
	return next, nil
}

// Keep writes what a party has of keys that it is about to confirm: if public is set
// the public keys, which every party has alike, what the network will be, and last its
// share, encrypted to itself. It replaces no share. The folder is no network yet.
func (f Folder) Keep(plan *Description, r *generation.Result, public bool) error {
	if public {
		if err := f.keepPublic(r.Keys); err != nil {
			return err
		}
	}
	d := *plan
	d.KeyID, d.RandomKey, d.Committee = r.Keys.ID(), r.Keys.Random.Digest(), *r.Secret.Committee
	return f.keepSecret(&d, r.Secret)
}

func (f Folder) keepSecret(d *Description, s *dealer.Secret) error {
	file, err := s.Encrypt()
	if err != nil {
		return err
	}
	path := f.ShareFile(s.Party)
	if err := vacant(path); err != nil {
		return fmt.Errorf("keep share: %w", err)
	}
	if err := f.writeJSON(confirmedFile, d); err != nil {
		return err
	}
	return writeBytes(path, 0o600, file)
}

func (f Folder) keepPublic(k *dkg.Keys) error {
	for name, writeTo := range map[string]func(io.Writer) (int64, error){
		publicKeyFile: k.Public.WriteTo, evalKeyFile: k.Evaluation.WriteTo,
		randomKeyFile: k.Random.WriteTo, squashKeyFile: k.Squash.WriteTo,
	} {
		if err := disk.Replace(f.path(name), 0o644, writeTo); err != nil {
			return err
		}
	}
	return nil
}

// Accept makes the folder, in which Keep was called, a network, unless it is one: it adds
// the parties' certificate, and the description takes its name. Both are the same for
// every party.
func (f Folder) Accept(attempt uint32, confirmations []*dkg.Message) (*Description, error) {
	if f.Exists() {
		return f.Description()
	}
	c := certificate{Attempt: attempt}
	for _, msg := range confirmations {
		c.Confirmations = append(c.Confirmations, msg.Encode())
	}
	if err := f.writeJSON(certificateFile, c); err != nil {
		return nil, err
	}
	if err := f.rename(f.path(confirmedFile), f.path(descriptionFile)); err != nil {
		return nil, err
	}
	return f.Description()
}

// certificate proves that a committee made a network's keys.
type certificate struct {
	Attempt       uint32   `json:"attempt"`
	Confirmations [][]byte `json:"confirmations"` // every party's, as package dkg encodes messages
}

// maxCertificate bounds its file: 13 confirmations of 170 bytes.
const maxCertificate = 1 << 14

// Certified reports whether the folder holds every party's confirmation that the
// committee made the keys of the description without a dealer.
func (f Folder) Certified(d *Description) (bool, error) {
	c, err := f.readCertificate()
	if c == nil || err != nil {
		return false, err
	}
	run, err := d.Generation(c.Attempt)
	if err != nil {
		return false, err
	}
	messages, err := c.messages()
	if err != nil {
		return false, fmt.Errorf("read %s: %w", f.path(certificateFile), err)
	}
	return run.Certified(messages, d.KeyID, d.Committee.Epoch.SquashKey), nil
}

// readCertificate returns nil where there is none.
func (f Folder) readCertificate() (*certificate, error) {
	b, err := disk.ReadFile(f.path(certificateFile), maxCertificate)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c := new(certificate)
	if err := json.Unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.path(certificateFile), err)
	}
	return c, nil
}

func (c *certificate) messages() (out []*dkg.Message, err error) {
	for _, enc := range c.Confirmations {
		msg, err := dkg.ParseMessage(enc)
		if err != nil {
			return nil, err
		}
		out = append(out, msg)
	}
	return out, nil
}

// Adopt takes a party's public files into the folder of the node that Draft made.
func (f Folder) Adopt(from Folder) error {
	for _, name := range []string{publicKeyFile, evalKeyFile, randomKeyFile, squashKeyFile, certificateFile, descriptionFile} {
		if err := copyFile(f.path(name), from.path(name)); err != nil {
			return fmt.Errorf("take %s from %s: %w", name, from, err)
		}
	}
	return nil
}

// copyFile shares the file where both folders are on one disk.
func copyFile(to, from string) error {
	if err := os.Link(from, to); err == nil || errors.Is(err, os.ErrExist) {
		return err
	}
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	return disk.Replace(to, 0o644, source.WriteTo)
}
