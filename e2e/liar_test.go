package e2e

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/dealer"
	"fhevm/threshold/identity"
)

// liar is a process that has a party's keys and share, and the party's place in the
// committee: the program threshold/internal/liar/member.
type liar struct {
	*process
	p       *parties
	id      threshold.PartyID
	program string
	dir     string
	config  map[string]any // that of the program
	past    []*process     // its earlier processes
}

// buildLiar makes the program, which is no part of the product.
func buildLiar(t *testing.T) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "liar")
	if out, err := exec.CommandContext(limit(t), "go", "build", "-o", program, "../threshold/internal/liar/member").CombinedOutput(); err != nil {
		t.Fatalf("build the liar: %v\n%s", err, out)
	}
	return program
}

// manners are what a liar can be told.
func manners(t *testing.T, program string) []string {
	t.Helper()
	out, err := exec.CommandContext(limit(t), program, "manners").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// possess puts a liar in the place of a party. It behaves until it is told otherwise.
func (p *parties) possess(id threshold.PartyID, program string) *liar {
	p.t.Helper()
	p.running[id].stop()
	delete(p.running, id)
	l := &liar{p: p, id: id, program: program, dir: p.t.TempDir()}
	network := p.wallet.Parameters()
	l.config = map[string]any{
		"Identity": p.identity(id), "Secret": p.folder.ShareFile(id), "Domain": network.Domain(), "Verifier": network.Contracts.DecryptionVerifier,
		"API": p.info.API, "Data": filepath.Join(l.dir, "data"), "Orders": l.path("orders"),
	}
	l.order("behave", 0)
	l.serve()
	return l
}

func (l *liar) path(name string) string { return filepath.Join(l.dir, name) }

// serve starts the liar, or starts it again.
func (l *liar) serve() {
	l.p.t.Helper()
	if l.process != nil {
		l.past = append(l.past, l.process)
	}
	config, err := json.Marshal(l.config)
	l.p.must(err)
	l.p.must(os.WriteFile(l.path("config"), config, 0o600))
	l.process = launch(l.p.t, l.program, "run", l.path("config"))
	l.await("the liar to serve", func() bool { return strings.Contains(l.output(), "serves") })
}

// order tells the liar how to misbehave from now on.
func (l *liar) order(manner string, seed uint64) {
	l.p.t.Helper()
	l.p.must(os.WriteFile(l.path("next"), fmt.Appendf(nil, "%d %q", seed, manner), 0o600))
	l.p.must(os.Rename(l.path("next"), l.path("orders")))
}

// deed is what a liar did in answer to a call.
type deed struct {
	Method   string
	To       threshold.PartyID // 0: the node
	Manner   string
	Deserves string
}

// deeds are all that the liar's processes did.
func (l *liar) deeds() (out []deed) {
	l.p.t.Helper()
	for _, process := range append(slices.Clone(l.past), l.process) {
		for line := range strings.Lines(process.output()) {
			var d deed
			if strings.HasPrefix(line, "{") && strings.HasSuffix(line, "}\n") {
				l.p.must(json.Unmarshal([]byte(line), &d))
				out = append(out, d)
			}
		}
	}
	return out
}

// deserves reports whether the liar did something to somebody for which this is the blame.
func (l *liar) deserves(to threshold.PartyID, reason string) bool {
	return slices.ContainsFunc(l.deeds(), func(d deed) bool {
		return d.To == to && d.Deserves != "" && strings.HasPrefix(reason, d.Deserves)
	})
}

// blames are those in a party's log.
func blames(t *testing.T, log string) (out []threshold.Blame) {
	t.Helper()
	for line := range strings.Lines(log) {
		_, blame, ok := strings.Cut(line, `msg="a party failed in a public decryption" `)
		if !ok {
			continue
		}
		var b threshold.Blame
		if _, err := fmt.Sscanf(blame, "party=%d what=%q", &b.Party, &b.Reason); err != nil {
			t.Errorf("log line %q: %v", line, err)
		}
		out = append(out, b)
	}
	return out
}

// wantNoSecrets demands that nothing that a party's processes printed, or show their
// operator, tells what the party keeps to itself.
func (p *parties) wantNoSecrets(texts ...string) {
	p.t.Helper()
	for _, m := range p.members {
		keys, secret := p.secrets(m.Party)
		needles := [][]byte{keys.Signer.Serialize()}
		for _, k := range secret.Keys {
			needles = append(needles, k[:])
		}
		share := secret.Share.Append(nil)
		for i := range 64 {
			needles = append(needles, share[8*i:8*i+8])
		}
		for _, text := range texts {
			for _, n := range needles {
				if containsSecret(text, n) {
					p.t.Fatalf("a secret of party %d is in what processes printed", m.Party)
				}
			}
		}
	}
}

// containsSecret looks for bytes as they are, in hexadecimal, as a list of numbers, and
// for a word as a number.
func containsSecret(text string, secret []byte) bool {
	list := strings.Trim(fmt.Sprint(secret), "[]")
	forms := []string{string(secret), fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), list, strings.ReplaceAll(list, " ", ",")}
	if len(secret) == 8 {
		forms = append(forms, strconv.FormatUint(binary.BigEndian.Uint64(secret), 10))
	}
	return slices.ContainsFunc(forms, func(f string) bool { return strings.Contains(text, f) })
}

// secrets are what a party keeps to itself.
func (p *parties) secrets(id threshold.PartyID) (*identity.Identity, *dealer.Secret) {
	p.t.Helper()
	keys, err := committee.LoadIdentity(p.identity(id))
	p.must(err)
	secret, err := committee.LoadSecret(p.folder.ShareFile(id), keys)
	p.must(err)
	return keys, secret
}
