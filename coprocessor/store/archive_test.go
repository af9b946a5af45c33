package store

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/fhe"
)

func records() []*Record {
	packed := []byte("a packed ciphertext")
	return []*Record{
		{Content: ID{1}, Digest: fhe.Keccak(packed), Handle: fhe.Handle{2}, Derivation: []byte{3, 4}, Signature: make([]byte, signatureSize), Packed: packed},
		{Content: ID{5}, Digest: fhe.Keccak(), Handle: fhe.Handle{6}, Derivation: []byte{}, Signature: []byte{}, Packed: []byte{}},
	}
}

func archive(t testing.TB, records ...*Record) []byte {
	t.Helper()
	var b bytes.Buffer
	a, err := newArchiveWriter(&b, logtest.Domain)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if err := a.add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read returns the records of an archive.
func read(b []byte) (all []*Record, err error) {
	a, err := NewArchiveReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	for {
		r, err := a.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
}

// TestArchiveDamage changes each byte of an archive, and cuts it at each: it must
// not be taken for whole.
func TestArchiveDamage(t *testing.T) {
	whole := archive(t, records()...)
	if all, err := read(whole); err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	for i := range whole {
		if _, err := read(whole[:i]); err == nil {
			t.Fatalf("an archive cut at byte %d was taken for whole", i)
		}
		spoiled := bytes.Clone(whole)
		spoiled[i] ^= 1
		if _, err := read(spoiled); err == nil {
			t.Fatalf("an archive with another byte %d was taken for whole", i)
		}
	}
	if _, err := read(append(bytes.Clone(whole), 0)); err == nil {
		t.Error("an archive with a byte behind its end was taken for whole")
	}
}

// TestImportRefuses feeds records that are not to be trusted, and an archive of
// another network.
func TestImportRefuses(t *testing.T) {
	l := logtest.New()
	h := l.Trivial(fhe.Uint8, 5)
	s := openMem(t)
	appendAll(t, s, []fhe.Batch{l.Seal(0)})
	b, err := s.Binding(h)
	if err != nil {
		t.Fatal(err)
	}
	good := &Record{Content: b.Content, Handle: h, Derivation: b.Derivation, Packed: []byte("nothing that decodes")}
	good.Digest = fhe.Keccak(good.Packed)
	other := *good
	other.Content[0] ^= 1
	distrust := func(*Record) error { return errors.New("nobody vouches for it") }
	trust := func(*Record) error { return nil }
	for _, c := range []struct {
		record *Record
		accept func(*Record) error
		want   string
	}{
		{good, distrust, "nobody vouches"},
		{good, trust, "does not decode"},
		{&other, trust, "made otherwise"},
	} {
		in, err := s.Import(t.Context(), bytes.NewReader(archive(t, c.record)), Importing{Accept: c.accept, Progress: func(int) {}})
		if err != nil || in.Records != 0 || len(in.LeftOut) != 1 {
			t.Fatalf("%s: %+v, %v", c.want, in, err)
		}
		for why := range in.LeftOut {
			if !strings.Contains(why, c.want) {
				t.Errorf("left out: %s, want %s", why, c.want)
			}
		}
	}
	if err := s.Put([]ID{b.Content}, []byte("another ciphertext"), nil); err != nil {
		t.Fatal(err)
	}
	_, err = s.Import(t.Context(), bytes.NewReader(archive(t, good)), Importing{Accept: trust, Progress: func(int) {}})
	if err == nil || !strings.Contains(err.Error(), "one of them computed wrongly") {
		t.Errorf("another digest of a known handle: %v", err)
	}
	foreign := archive(t)
	foreign[len(archiveMagic)+1] ^= 1
	_, err = s.Import(t.Context(), bytes.NewReader(foreign), Importing{Accept: trust, Progress: func(int) {}})
	if err == nil || !strings.Contains(err.Error(), "another chain") {
		t.Errorf("the archive of another chain: %v", err)
	}
}

func FuzzArchive(f *testing.F) {
	f.Add(archive(f, records()...))
	f.Add(archive(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := read(b)
		for _, r := range all {
			enc, err := r.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			again := new(Record)
			if err := again.UnmarshalBinary(enc); err != nil || again.Digest != r.Digest || again.Handle != r.Handle {
				t.Fatalf("record %+v became %+v: %v", r, again, err)
			}
		}
		if err == nil && !bytes.Contains(b, []byte(archiveMagic)) {
			t.Fatal("an archive without its first bytes was read")
		}
	})
}

func FuzzRecord(f *testing.F) {
	for _, r := range records() {
		b, _ := r.MarshalBinary()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := new(Record)
		if r.UnmarshalBinary(b) != nil {
			return
		}
		if again, err := r.MarshalBinary(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x decodes, but encodes as %x, %v", b, again, err)
		}
	})
}
