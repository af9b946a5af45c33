package identity

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"testing"

	"fhevm/threshold"
)

func TestFile(t *testing.T) {
	id, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	b, err := id.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if back.Member(3, "h:1") != id.Member(3, "h:1") {
		t.Error("the identity changes")
	}
	again, err := back.Encode()
	if err != nil || !bytes.Equal(again, b) {
		t.Error("the file changes")
	}
	cert, err := x509.ParseCertificate(id.TLS.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
		t.Error(err)
	}
}

// TestParseRefuses files that lack a block, have one twice or a key that is
// not the certificate's.
func TestParseRefuses(t *testing.T) {
	one, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	other, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	mixed := *one
	mixed.TLS.PrivateKey = other.TLS.PrivateKey
	good, _ := one.Encode()
	wrong, _ := mixed.Encode()
	_, headless := pem.Decode(good)
	for name, b := range map[string][]byte{
		"nothing": nil, "no age": headless, "twice": append(good, good...), "mixed": wrong, "huge": make([]byte, MaxFileSize+1),
	} {
		if _, err := Parse(b); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestDoesNotPrint(t *testing.T) {
	id, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if got := fmt.Sprintf(verb, id); got != threshold.Redacted {
			t.Errorf("%s prints %d characters", verb, len(got))
		}
	}
}

func FuzzParse(f *testing.F) {
	id, err := Generate()
	if err != nil {
		f.Fatal(err)
	}
	b, _ := id.Encode()
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		if id, err := Parse(b); err == nil {
			id.Member(1, "")
		}
	})
}
