package custody

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/audit"
	"fhevm/threshold/dealer"
	"fhevm/threshold/eip712"
	"fhevm/threshold/internal/lwetest"
)

// TestField: GF(256) is a field, by all pairs of elements, with the known
// product of the standard for this polynomial (FIPS 197, 4.2).
func TestField(t *testing.T) {
	if mul(0x57, 0x83) != 0xc1 || mul(0x57, 0x13) != 0xfe {
		t.Error("products differ from those of FIPS 197")
	}
	for a := range 256 {
		if one := mul(byte(a), inverse(byte(a))); a != 0 && one != 1 {
			t.Fatalf("%d times its inverse is %d", a, one)
		}
		for b := range 256 {
			x, y := byte(a), byte(b)
			if mul(x, y) != mul(y, x) || mul(x, y^3) != mul(x, y)^mul(x, 3) {
				t.Fatalf("%d times %d", a, b)
			}
		}
	}
	if inverse(0) != 0 {
		t.Error("0 has an inverse")
	}
}

// TestSplit: any k shares give the key back, any k-1 give every key as likely: some
// value of one more share leads from them to each.
func TestSplit(t *testing.T) {
	for _, c := range []struct{ k, n int }{{1, 1}, {1, 3}, {2, 3}, {3, 5}, {5, 5}, {17, MaxCustodians}} {
		key, shares, err := split(c.k, c.n, Share{})
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			some := choose(t, shares, c.k)
			if !bytes.Equal(join(some), key) {
				t.Fatalf("%d of %d: the key changes", c.k, c.n)
			}
			if c.k == 1 {
				continue
			}
			if other := choose(t, some, c.k-1); bytes.Equal(join(other), key) {
				t.Fatalf("%d of %d: %d shares give the key", c.k, c.n, c.k-1)
			}
			keys := map[byte]bool{}
			for v := range 256 {
				forged := *some[0]
				forged.value[0] = byte(v)
				keys[join(append([]*Share{&forged}, some[1:]...))[0]] = true
			}
			if len(keys) != 256 {
				t.Fatalf("%d of %d: %d-1 shares leave %d values of a byte", c.k, c.n, c.k, len(keys))
			}
		}
	}
}

// choose takes k of some shares in any order.
func choose(t *testing.T, from []*Share, k int) []*Share {
	t.Helper()
	out := slices.Clone(from)
	var b [1]byte
	for i := range out {
		if _, err := rand.Read(b[:]); err != nil {
			t.Fatal(err)
		}
		j := i + int(b[0])%(len(out)-i)
		out[i], out[j] = out[j], out[i]
	}
	return out[:k]
}

// backedUp is a party's backup with its custodians.
type backedUp struct {
	*Backup
	contents   *Contents
	custodians []*age.HybridIdentity
	operator   *age.HybridIdentity
}

func backUp(t *testing.T, seed uint64, k, n int) *backedUp {
	t.Helper()
	d := lwetest.Deal(t, 4, seed)
	b := &backedUp{contents: &Contents{Network: [][]byte{[]byte(`{"a":"network"}`), []byte("{}")}}, operator: newKey(t)}
	var err error
	if b.contents.Identity, err = d.Identities[1].Encode(); err != nil {
		t.Fatal(err)
	}
	b.contents.Secrets = append(b.contents.Secrets, encrypted(t, d.Secrets[1]))
	next := *d.Secrets[1]
	committee := *next.Committee
	committee.Epoch.Number++
	next.Committee = &committee
	b.contents.Secrets = append(b.contents.Secrets, encrypted(t, &next))
	plan := &Plan{Threshold: k, Created: time.Unix(1_000_000, 0), Openings: 5, PerDay: 1000, Log: audit.Position{Seq: 9, Hash: fhe.Digest{9}}}
	for range n {
		key := newKey(t)
		b.custodians = append(b.custodians, key)
		plan.Custodians = append(plan.Custodians, key.Recipient().String())
	}
	if b.Backup, err = Make(b.contents, plan); err != nil {
		t.Fatal(err)
	}
	return b
}

func encrypted(t *testing.T, s *dealer.Secret) []byte {
	t.Helper()
	b, err := s.Encrypt()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newKey(t *testing.T) *age.HybridIdentity {
	t.Helper()
	key, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// forward has custodians, from 1, give their shares to the operator.
func (b *backedUp) forward(t *testing.T, ids ...int) (out []NamedShare) {
	t.Helper()
	for _, i := range ids {
		file, about, err := Forward(b.Shares[i-1], b.custodians[i-1], b.operator.Recipient())
		if err != nil {
			t.Fatal(err)
		}
		if int(about.Index) != i || about.Party != 2 || about.value != [keySize]byte{} {
			t.Errorf("custodian %d is told of share %d of party %d", i, about.Index, about.Party)
		}
		out = append(out, NamedShare{fmt.Sprint("share ", i), file})
	}
	return out
}

// TestRestore: what was backed up comes back from any k shares, whichever others
// are damaged, and which they are is said.
func TestRestore(t *testing.T) {
	b, other := backUp(t, 1, 2, 4), backUp(t, 2, 2, 2)
	m, err := ParseManifest(b.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Seats) != 2 || m.Last().Party != 2 || m.Last().Epoch != 2 || m.Seats[0].Epoch != 1 || m.Openings != 5 || m.PerDay != 1000 || m.Log.Seq != 9 || m.Threshold != 2 || len(m.Custodians) != 4 {
		t.Errorf("%+v", m)
	}
	for i, c := range m.Custodians {
		if c.File != sha256.Sum256(b.Shares[i]) {
			t.Errorf("custodian %d cannot recognise its file", i+1)
		}
	}
	for _, ids := range [][]int{{1, 2}, {4, 2}, {3, 4, 1}} {
		c, problems, err := Recover(m, b.Payload, b.forward(t, ids...), b.operator)
		if err != nil || len(problems) != 0 || !bytes.Equal(c.encode(), b.contents.encode()) {
			t.Errorf("custodians %v: %v, %v", ids, problems, err)
		}
	}
	shares := b.forward(t, 1, 1, 2, 3)
	shares[2].File[len(shares[2].File)-1] ^= 1
	other.operator = b.operator
	shares = append(shares, other.forward(t, 1)...)
	shares = append(shares, NamedShare{"custodian's own file", b.Shares[3]}, NamedShare{"huge", make([]byte, MaxShareFile+1)})
	c, problems, err := Recover(m, b.Payload, shares, b.operator)
	if err != nil || !bytes.Equal(c.encode(), b.contents.encode()) {
		t.Fatal(err)
	}
	for i, want := range []string{"share 1: it is the share of custodian 1, as share 1 is", "share 2: it is damaged", "share 1: it is of another backup",
		"custodian's own file: it is encrypted to another key", "huge: it has 8193 bytes"} {
		if i >= len(problems) || !strings.HasPrefix(problems[i].String(), want) {
			t.Errorf("problems are %v, want %q", problems, want)
		}
	}
	if _, _, err := Recover(m, b.Payload, shares[:3], b.operator); err == nil || !strings.Contains(err.Error(), "1 good shares, 2 are needed\n  share 1: it is") {
		t.Errorf("too few shares: %v", err)
	}
	b.Payload[100] ^= 1
	if _, _, err := Recover(m, b.Payload, b.forward(t, 1, 2), b.operator); err == nil {
		t.Error("a changed payload is restored")
	}
}

// TestForgedShare: a share that its custodian made up is found before it spoils
// anything.
func TestForgedShare(t *testing.T) {
	b := backUp(t, 3, 2, 3)
	m, err := ParseManifest(b.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	s, err := openShare(b.Shares[0], b.custodians[0])
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%v %+v %x", s, s, s); text != strings.Repeat(threshold.Redacted+" ", 2)+threshold.Redacted {
		t.Errorf("a share prints %d characters", len(text))
	}
	s.value[7] ^= 1
	file, err := s.seal(b.operator.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	_, problems, err := Recover(m, b.Payload, append(b.forward(t, 2), NamedShare{"forged", file}), b.operator)
	if err == nil || len(problems) != 1 || problems[0].String() != "forged: it is not what custodian 1 was given" {
		t.Errorf("%v, %v", problems, err)
	}
}

// TestManifest: no member of a manifest can be changed without the party's key.
func TestManifest(t *testing.T) {
	b := backUp(t, 4, 2, 3)
	for at := range b.Manifest {
		changed := slices.Clone(b.Manifest)
		changed[at] ^= 1
		m, err := ParseManifest(changed)
		if err != nil {
			continue
		}
		original, _ := ParseManifest(b.Manifest)
		one, _ := m.Digest()
		if two, _ := original.Digest(); one != two {
			t.Fatalf("byte %d of the manifest can be changed", at)
		}
	}
	s := new(Signed)
	if err := json.Unmarshal(b.Manifest, s); err != nil {
		t.Fatal(err)
	}
	key := lwetest.CoprocessorKey()
	s.Manifest.Signer = eip712.AddressOf(key.PubKey())
	digest, _ := s.Manifest.Digest()
	s.Signature = eip712.Sign(key, digest)
	resigned, _ := json.Marshal(s)
	m, err := ParseManifest(resigned)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Recover(m, b.Payload, b.forward(t, 1, 2), b.operator); err == nil {
		t.Error("a backup is restored under a manifest that another signed")
	}
}

// TestMakeRefuses what could not be restored.
func TestMakeRefuses(t *testing.T) {
	b, other := backUp(t, 5, 1, 1), backUp(t, 5, 1, 1)
	r, classic := b.custodians[0].Recipient().String(), "age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm"
	for name, p := range map[string]*Plan{
		"no custodian": {Threshold: 0}, "too many needed": {Threshold: 2, Custodians: []string{r}}, "one twice": {Threshold: 1, Custodians: []string{r, r}},
		"classic recipient": {Threshold: 1, Custodians: []string{classic}}, "too many": {Threshold: 1, Custodians: slices.Repeat([]string{r}, 33)},
	} {
		if _, err := Make(b.contents, p); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	d := lwetest.Deal(t, 4, 6)
	identity, err := d.Identities[0].Encode()
	if err != nil {
		t.Fatal(err)
	}
	same := b.contents.Secrets
	for name, secrets := range map[string][][]byte{"none": nil, "an epoch twice": {same[0], same[0]}, "in another order": {same[1], same[0]}} {
		c := *b.contents
		c.Secrets = secrets
		if _, err := Make(&c, &Plan{Threshold: 1, Custodians: []string{r}}); err == nil {
			t.Errorf("shares, %s, are backed up", name)
		}
	}
	other.contents.Identity = identity
	if _, err := Make(other.contents, &Plan{Threshold: 1, Custodians: []string{r}}); err == nil {
		t.Error("a secret is backed up with an identity that does not open it")
	}
}

// TestOpeningsBy: a restored party goes on from no less than it can have opened.
func TestOpeningsBy(t *testing.T) {
	m := &Manifest{Created: 1_000_000, Openings: 5, PerDay: 1000}
	for seconds, want := range map[int64]uint64{0: 3005, 86399: 3005, 86400: 4005, 10 * 86400: 13005} {
		if got, err := m.OpeningsBy(time.Unix(1_000_000+seconds, 0)); err != nil || got != want {
			t.Errorf("after %d seconds: %d, %v", seconds, got, err)
		}
	}
	if _, err := m.OpeningsBy(time.Unix(999_999, 0)); err == nil {
		t.Error("a backup of the future is restored")
	}
	m.PerDay = math.MaxUint64 / 2
	if got, err := m.OpeningsBy(time.Unix(1_000_000, 0)); err != nil || got != math.MaxUint64 {
		t.Errorf("a bound overflows to %d, %v", got, err)
	}
	m.PerDay = 0
	if _, err := m.OpeningsBy(time.Unix(1_000_000, 0)); !errors.Is(err, ErrUnbounded) {
		t.Errorf("without quotas: %v", err)
	}
}

func FuzzParseShare(f *testing.F) {
	f.Add((&Share{Index: 1, Threshold: 2}).encode())
	f.Add([]byte(shareMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := parseShare(b); err == nil && !bytes.Equal(s.encode(), b) {
			t.Error("a share changes")
		}
	})
}

func FuzzParseContents(f *testing.F) {
	f.Add((&Contents{Identity: []byte{1}, Secrets: [][]byte{{2, 3}, {}}, Network: [][]byte{{4}}}).encode())
	f.Add([]byte(payloadMagic + "\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := parseContents(b); err == nil && !bytes.Equal(c.encode(), b) {
			t.Error("contents change")
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	key := lwetest.CoprocessorKey()
	s := Signed{Manifest: Manifest{Version: version, Seats: []Seat{{}}, Threshold: 1, Custodians: []Custodian{{Recipient: "x"}}, Signer: eip712.AddressOf(key.PubKey())}}
	digest, _ := s.Manifest.Digest()
	s.Signature = eip712.Sign(key, digest)
	b, _ := json.Marshal(s)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := ParseManifest(b); err == nil && m.check() != nil {
			t.Error("a manifest parses that does not check")
		}
	})
}
