package audit

import (
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/fhe"
)

// TestBounds: a record that could not be read back is not written.
func TestBounds(t *testing.T) {
	l := open(t, vfs.NewMem(), 0)
	for _, d := range []*Decision{
		{Handles: make([]fhe.Handle, MaxHandles+1)}, {Digests: make([]fhe.Digest, MaxHandles+1)}, {Refusal: "123456789012345678901234567890123"},
	} {
		if err := l.Append(d); err == nil {
			t.Errorf("%+v is written", d)
		}
	}
	most := &Decision{Handles: make([]fhe.Handle, MaxHandles), Digests: make([]fhe.Digest, MaxHandles), Refusal: "12345678901234567890123456789012"}
	if err := l.Append(most); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := l.Append(sample(1)); !errors.Is(err, ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
}

func TestPosition(t *testing.T) {
	p := Position{Seq: 7, Hash: fhe.Digest{1, 2}}
	if back, err := ParsePosition(p.String()); err != nil || back != p {
		t.Errorf("%v, %v", back, err)
	}
	for _, s := range []string{"", "7", "x:" + p.Hash.String(), "7:0x12", "-1:" + p.Hash.String()} {
		if _, err := ParsePosition(s); err == nil {
			t.Errorf("%q is a position", s)
		}
	}
}

// FuzzDecode: what decodes encodes to the same bytes.
func FuzzDecode(f *testing.F) {
	for _, r := range []*Record{{Decision: sample(0)}, {Decision: sample(1)}, {Head: new(Head)}, {Cut: new(Cut)}, {Restored: new(Restored)}, {Started: new(Started)}, {Serving: new(Serving)}, {Recounted: new(Recounted)}, {Unlisted: new(Unlisted)}} {
		b, err := r.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Decode(b)
		if err != nil {
			return
		}
		back, err := r.Encode()
		if err != nil || !slices.Equal(back, b) {
			t.Errorf("%x becomes %x, %v", b, back, err)
		}
	})
}

// FuzzRead reads arbitrary files; a party that opens what can be read leaves a log
// that is whole.
func FuzzRead(f *testing.F) {
	fs := vfs.NewMem()
	l, _, err := Open(config(fs, 0))
	if err != nil {
		f.Fatal(err)
	}
	for i := range 3 {
		l.Append(sample(i))
	}
	l.Close()
	file, err := fs.Open("log/" + fileName(1))
	if err != nil {
		f.Fatal(err)
	}
	b, err := io.ReadAll(file)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)-3])
	f.Add(b[:20])
	f.Fuzz(func(t *testing.T, b []byte) {
		fs := folder(t, b)
		l, _, err := Open(config(fs, 0))
		if err != nil {
			return
		}
		if err := l.Append(sample(1)); err != nil {
			t.Fatal(err)
		}
		if s, err := Read(fs, "log", nil); err != nil || len(s.Torn) != 0 {
			t.Errorf("%+v, %v", s, err)
		}
	})
}
