package fhe

import (
	"bytes"
	"strings"
	"testing"
)

func anAttestation() *AttestedInput {
	return &AttestedInput{
		Binding: Binding{Domain{31337, Address{1}, Digest{2}, Version}, Address{3}, Address{4}},
		Types:   []Type{Uint64, Bool}, List: Digest{5}, Signature: [65]byte{0: 6, 64: 27},
	}
}

func TestAttestedInput(t *testing.T) {
	a := anAttestation()
	b, err := a.MarshalBinary()
	if err != nil || !IsAttested(b) || len(b) != 103+2+97 {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	var got AttestedInput
	if err := got.UnmarshalBinary(b); err != nil || got.List != a.List || got.Signature != a.Signature || got.Binding != a.Binding {
		t.Errorf("%+v, %v", got, err)
	}
	want, _ := InputHandle(a.Binding, a.List, 1, Bool)
	if handles := got.Handles(); len(handles) != 2 || handles[1] != want {
		t.Errorf("handles %v", handles)
	}
	for name, bad := range map[string][]byte{"nothing": nil, "cut": b[:len(b)-1], "longer": append(bytes.Clone(b), 0), "a list": append([]byte{0}, b[1:]...)} {
		if new(AttestedInput).UnmarshalBinary(bad) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if new(InputList).UnmarshalBinary(b) == nil {
		t.Error("accepted as a list")
	}
}

func TestAttestationNamesItsList(t *testing.T) {
	a := anAttestation()
	other := a.Binding
	other.User[0]++
	for want, l := range map[string]*InputList{
		"":                   {Binding: a.Binding, Types: a.Types},
		"bound to user":      {Binding: other, Types: a.Types},
		"has values [uint8]": {Binding: a.Binding, Types: []Type{Uint8}},
	} {
		if err := a.Names(l); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func FuzzAttestedInput(f *testing.F) {
	b, err := anAttestation().MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var a AttestedInput
		if a.UnmarshalBinary(b) != nil {
			return
		}
		if again, err := a.MarshalBinary(); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x became %x, %v", b, again, err)
		}
	})
}
