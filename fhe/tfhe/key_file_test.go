package tfhe

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"fhevm/fhe"
	"fhevm/fhe/csprng"
)

func encoding(t testing.TB, k io.WriterTo) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := k.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("wrote %d of %d bytes: %v", n, b.Len(), err)
	}
	return b.Bytes()
}

func TestKeyFilesRoundTrip(t *testing.T) {
	k := keys()
	secret, err := ReadSecretKey(bytes.NewReader(encoding(t, k.secret)))
	if err != nil || !reflect.DeepEqual(secret, k.secret) {
		t.Errorf("secret key differs after a round trip: %v", err)
	}
	public, err := ReadPublicKey(bytes.NewReader(encoding(t, k.public)))
	if err != nil || !reflect.DeepEqual(public, k.public) {
		t.Errorf("public key differs after a round trip: %v", err)
	}
	eval, err := ReadEvaluationKey(bytes.NewReader(encoding(t, k.eval)))
	if err != nil || !reflect.DeepEqual(eval, k.eval) {
		t.Errorf("evaluation key differs after a round trip: %v", err)
	}
	b, err := k.public.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	public = new(PublicKey)
	if err := public.UnmarshalBinary(b); err != nil || !reflect.DeepEqual(public, k.public) {
		t.Errorf("public key differs after MarshalBinary and UnmarshalBinary: %v", err)
	}
	if err := public.UnmarshalBinary(append(b, 0)); err == nil {
		t.Error("a byte after the public key was accepted")
	}
}

// knownKeyID pins key generation and both public encodings.
const knownKeyID = "0x1394bc82080d60779023643cfce584b3a5f694333392482d2ac789348474c26b"

func TestKeyID(t *testing.T) {
	k := keys()
	if got := KeyID(k.public, k.eval, random().digest).String(); got != knownKeyID {
		t.Errorf("key id is %s, want %s", got, knownKeyID)
	}
	other := NewSecretKey(&Default, SeedFrom([32]byte{1})).PublicKey()
	id := KeyID(k.public, k.eval, random().digest)
	if KeyID(other, k.eval, random().digest) == id || KeyID(k.public, k.eval, fhe.Digest{}) == id {
		t.Error("key id does not depend on the public key or the random key")
	}
}

func TestDamagedKeyFiles(t *testing.T) {
	good := encoding(t, keys().public)
	flipped := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 1
		return b
	}
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"empty", "unexpected EOF", nil},
		{"magic", "not a key file", flipped(0)},
		{"kind", "unknown kind", append(append([]byte(keyMagic), 9), good[9:]...)},
		{"other kind", "holds a secret key", encoding(t, keys().secret)},
		{"format", "format 0", flipped(9)},
		{"parameters", "parameters differ", flipped(11)},
		{"payload", "checksum", flipped(headerSize)},
		{"trailer", "checksum", flipped(len(good) - 1)},
		{"truncated header", "unexpected EOF", good[:headerSize-1]},
		{"truncated payload", "unexpected EOF", good[:5000]},
		{"truncated trailer", "unexpected EOF", good[:len(good)-1]},
	} {
		_, err := ReadPublicKey(bytes.NewReader(c.file))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", c.name, err, c.want)
		}
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWriteReportsErrors(t *testing.T) {
	if _, err := keys().public.WriteTo(brokenPipe{}); err == nil {
		t.Error("a write to a closed pipe succeeded")
	}
}

// Whatever is printed, marshalled or logged, no key bit or seed byte shows.
func TestSecretKeyIsRedacted(t *testing.T) {
	seed := [32]byte{0xde, 0xad, 0xbe, 0xef, 0xde, 0xad}
	k := NewSecretKey(&Default, SeedFrom(seed))
	out := fmt.Sprintf("%v %+v %#v %s %x %d %q %v %v", k, k, k, k, k, *k, k, struct{ K *SecretKey }{k}, struct{ K SecretKey }{*k})
	j, err := json.Marshal([]any{k})
	if err != nil {
		t.Fatal(err)
	}
	out = strings.ToLower(out + string(j))
	for _, leak := range []string{hex.EncodeToString(seed[:4]), "222 173", "222,173", "0 1", "0, 1", "0x1", "0,1"} {
		if strings.Contains(out, leak) {
			t.Fatalf("secret key printed %q: %.200s", leak, out)
		}
	}
}

func TestWipe(t *testing.T) {
	k := NewSecretKey(&Default, testSeed)
	k.Wipe()
	if weight(k.small) != 0 || weight(k.big) != 0 || k.seed != (Seed{}) || k.streams != (Seed{}) {
		t.Error("secrets remain after Wipe")
	}
}

// fuzz checks that a reader never panics, and that what it accepts is written
// back to the same bytes.
func fuzz[K io.WriterTo](f *testing.F, good []byte, read func(io.Reader) (K, error)) {
	if _, err := read(bytes.NewReader(good)); err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:headerSize])
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := read(bytes.NewReader(b))
		if err != nil {
			return
		}
		if again := encoding(t, k); !bytes.HasPrefix(b, again) {
			t.Error("a key is written to other bytes than it was read from")
		}
	})
}

func FuzzReadSecretKey(f *testing.F) {
	fuzz(f, encoding(f, NewSecretKey(&Default, testSeed)), ReadSecretKey)
}

func FuzzReadPublicKey(f *testing.F) {
	fuzz(f, encoding(f, NewSecretKey(&Default, testSeed).PublicKey()), ReadPublicKey)
}

// tiny has the format of Default, whose evaluation key of 30 MB a corpus cannot
// hold. Nothing can be computed with it.
var tiny = func() *Params {
	p := Default
	p.LWEDim, p.PolySize, p.PackSize = 3, 16, 4
	return &p
}()

// tinyCompactKey has words that encrypt nothing.
func tinyCompactKey(label string) compactKey {
	k := newCompactKey(tiny, testSeed, label)
	csprng.New(testSeed, label, 0).Uint64s(k.bodies)
	return k
}

func FuzzReadEvaluationKey(f *testing.F) {
	ek := &EvaluationKey{
		compactKey: tinyCompactKey(labelBootstrapMask),
		keySwitch:  make([]uint32, tiny.KeySwitchDigits()),
		packing:    make([]uint32, tiny.packDigits()*tiny.PackSize),
	}
	csprng.New(testSeed, labelKeySwitchMask, 0).Uint32s(ek.keySwitch)
	csprng.New(testSeed, labelPackingMask, 0).Uint32s(ek.packing)
	fuzz(f, encoding(f, ek), func(r io.Reader) (*EvaluationKey, error) { return readEvaluationKey(r, tiny) })
}
