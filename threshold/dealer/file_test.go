package dealer

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"testing"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/prss"
)

func sample(t testing.TB) []byte {
	s := &Secret{Party: 2, Committee: &threshold.Committee{Policy: threshold.Policy{Coprocessors: []fhe.Address{{1}}, Need: 1}}, Keys: make([]prss.Key, 3), Share: new(decrypt.Share)}
	for i := range 4 {
		s.Committee.Members = append(s.Committee.Members, threshold.Member{
			Party: threshold.PartyID(i + 1), Signer: fhe.Address{byte(i + 1)}, TLS: fhe.Digest{byte(i + 1)}})
	}
	b, err := s.encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzParse decodes arbitrary secrets; what decodes encodes to the same keys.
func FuzzParse(f *testing.F) {
	b := sample(f)
	f.Add(b)
	f.Add(b[:len(b)-1])
	counted, err := parse(b)
	if err != nil {
		f.Fatal(err)
	}
	counted.Opened = 1 << 40
	if b, err = counted.encode(); err != nil {
		f.Fatal(err)
	}
	if again, err := parse(b); err != nil || again.Opened != counted.Opened {
		f.Fatalf("a count of %d comes back: %v", counted.Opened, err)
	}
	f.Add(b)
	f.Add(binary.BigEndian.AppendUint32(append([]byte(magic), 1), 1<<31))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parse(b)
		if err != nil {
			return
		}
		back, err := s.encode()
		if err != nil {
			t.Fatal(err)
		}
		tail := len(s.Keys)*prss.KeySize + decrypt.ShareSize
		if !bytes.Equal(back[len(back)-tail:], b[len(b)-tail:]) {
			t.Error("keys and share change")
		}
	})
}

// FuzzCommittee decodes arbitrary committee files.
func FuzzCommittee(f *testing.F) {
	s, err := parse(sample(f))
	if err != nil {
		f.Fatal(err)
	}
	b, _ := json.Marshal(s.Committee)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := threshold.ParseCommittee(b); err == nil && c.Check() != nil {
			t.Error("a committee parses that does not check")
		}
	})
}
