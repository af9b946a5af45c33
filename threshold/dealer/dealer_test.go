package dealer_test

import (
	"bytes"
	"crypto/rand"
	"testing"

	"fhevm/threshold"
	"fhevm/threshold/dealer"
	"fhevm/threshold/internal/lwetest"
	"fhevm/threshold/shamir"
)

// TestDealShares opens every bit of the dealt secret from the parties' files.
func TestDealShares(t *testing.T) {
	d := lwetest.Deal(t, 4, 1)
	encodings := make([][]byte, 4)
	for i, s := range d.Secrets {
		encodings[i] = s.Share.Append(nil)
	}
	for at := 0; at < len(d.Bits); at += 17 {
		o := shamir.NewOpening(d.Margin.Quorum, 1)
		for i, e := range encodings {
			share := []shamir.Element{{word(e, at), word(e, len(d.Bits)+at)}}
			if err := o.Add(threshold.PartyID(i+1), share); err != nil {
				t.Fatal(err)
			}
		}
		if want := uint64(d.Bits[at]); o.Secrets()[0] != (shamir.Element{want, want}) || o.Liars() != 0 {
			t.Fatalf("bit %d opens to %v, want %d", at, o.Secrets()[0], want)
		}
	}
}

func word(b []byte, i int) (w uint64) {
	for _, x := range b[8*i:][:8] {
		w = w<<8 | uint64(x)
	}
	return w
}

// TestFile: a party's file opens for the party alone.
func TestFile(t *testing.T) {
	for _, n := range []int{4, 13} {
		d := lwetest.Deal(t, n, 2)
		file, err := d.Secrets[1].Encrypt()
		if err != nil {
			t.Fatal(err)
		}
		if len(file) > dealer.MaxFileSize {
			t.Errorf("file has %d bytes", len(file))
		}
		s, err := dealer.Decrypt(file, d.Identities[1].Age)
		if err != nil {
			t.Fatal(err)
		}
		if s.Party != 2 || len(s.Keys) != len(d.Secrets[1].Keys) || s.Keys[0] != d.Secrets[1].Keys[0] ||
			!bytes.Equal(s.Share.Append(nil), d.Secrets[1].Share.Append(nil)) || s.Committee.Members[0] != d.Committee.Members[0] {
			t.Error("the file does not hold the party's secret")
		}
		if _, err := dealer.Decrypt(file, d.Identities[0].Age); err == nil {
			t.Error("another party opens the file")
		}
		file[len(file)-1] ^= 1
		if _, err := dealer.Decrypt(file, d.Identities[1].Age); err == nil {
			t.Error("a changed file opens")
		}
	}
}

func TestWipe(t *testing.T) {
	s := lwetest.Deal(t, 4, 3).Secrets[0]
	s.Wipe()
	for _, k := range s.Keys {
		if k != [32]byte{} {
			t.Error("a key is left")
		}
	}
	if b := s.Share.Append(nil); !bytes.Equal(b, make([]byte, len(b))) {
		t.Error("a share is left")
	}
}

func TestDealRefuses(t *testing.T) {
	d := lwetest.Deal(t, 4, 4)
	small, doubled, weak := *d.Committee, *d.Committee, *d.Committee
	small.Members = small.Members[:3]
	doubled.Members = append([]threshold.Member(nil), doubled.Members...)
	doubled.Members[1].Signer = doubled.Members[0].Signer
	weak.Stat++
	for name, c := range map[string]*threshold.Committee{"3 members": &small, "one key twice": &doubled, "no margin": &weak} {
		if _, err := dealer.Deal(d.Bits, c, rand.Reader); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	for name, bits := range map[string][]uint8{"short": d.Bits[1:], "not a bit": append([]uint8{2}, d.Bits[1:]...)} {
		if _, err := dealer.Deal(bits, d.Committee, rand.Reader); err == nil {
			t.Errorf("%s secret is accepted", name)
		}
	}
}
