package tfhe

import (
	"bytes"
	"errors"
	"io"

	"fhevm/fhe"
)

// WriteTo writes the secret key: 32 bytes of seed in a key file. Whoever can
// read the file can decrypt everything, so create it with mode 0600.
func (k *SecretKey) WriteTo(w io.Writer) (int64, error) {
	seed := k.seed.Bytes()
	defer clear(seed[:])
	_, n, err := writeKey(w, k.params, kindSecret, func(w *keyWriter) { w.bytes(seed[:]) })
	return n, err
}

// ReadSecretKey reads what WriteTo wrote and expands it.
func ReadSecretKey(r io.Reader) (*SecretKey, error) {
	var seed [32]byte
	defer clear(seed[:])
	if _, err := readKey(r, &Default, kindSecret, func(r *keyReader) { r.bytes(seed[:]) }); err != nil {
		return nil, err
	}
	return NewSecretKey(&Default, SeedFrom(seed)), nil
}

// WriteTo writes the public key: polynomials a and b.
func (pk *PublicKey) WriteTo(w io.Writer) (int64, error) {
	_, n, err := pk.write(w)
	return n, err
}

func (pk *PublicKey) write(w io.Writer) (fhe.Digest, int64, error) {
	return writeKey(w, pk.params, kindPublic, func(w *keyWriter) {
		w.words64(pk.a)
		w.words64(pk.b)
	})
}

func (pk *PublicKey) computeDigest() fhe.Digest {
	digest, _, _ := pk.write(io.Discard)
	return digest
}

// ReadPublicKey reads what WriteTo wrote.
func ReadPublicKey(r io.Reader) (*PublicKey, error) {
	p := &Default
	pk := &PublicKey{params: p}
	if _, err := readKey(r, p, kindPublic, func(r *keyReader) {
		pk.a = r.words64(p.PolySize)
		pk.b = r.words64(p.PolySize)
	}); err != nil {
		return nil, err
	}
	return pk, nil
}

// MarshalBinary is WriteTo into a slice.
func (pk *PublicKey) MarshalBinary() ([]byte, error) {
	var b bytes.Buffer
	_, err := pk.WriteTo(&b)
	return b.Bytes(), err
}

// UnmarshalBinary is ReadPublicKey from a slice with nothing after the key.
func (pk *PublicKey) UnmarshalBinary(b []byte) error {
	r := bytes.NewReader(b)
	k, err := ReadPublicKey(r)
	if err != nil {
		return err
	}
	if r.Len() > 0 {
		return errors.New("read public key: bytes follow the key")
	}
	*pk = *k
	return nil
}

// WriteTo writes the evaluation key: the seed of the masks, then the bodies of
// the bootstrapping, the key-switching and the packing rows. It is public.
func (ek *EvaluationKey) WriteTo(w io.Writer) (int64, error) {
	_, n, err := ek.write(w)
	return n, err
}

func (ek *EvaluationKey) write(w io.Writer) (fhe.Digest, int64, error) {
	return writeKey(w, ek.params, kindEvaluation, func(w *keyWriter) {
		masks := ek.masks.Bytes()
		w.bytes(masks[:])
		w.words64(ek.bodies)
		w.words32(ek.keySwitch)
		w.words32(ek.packing)
	})
}

func (ek *EvaluationKey) computeDigest() fhe.Digest {
	digest, _, _ := ek.write(io.Discard)
	return digest
}

// ReadEvaluationKey reads what WriteTo wrote.
func ReadEvaluationKey(r io.Reader) (*EvaluationKey, error) { return readEvaluationKey(r, &Default) }

func readEvaluationKey(r io.Reader, p *Params) (*EvaluationKey, error) {
	ek := &EvaluationKey{compactKey: compactKey{params: p, label: labelBootstrapMask}}
	var err error
	ek.digest, err = readKey(r, p, kindEvaluation, func(r *keyReader) {
		var masks [32]byte
		r.bytes(masks[:])
		ek.masks = SeedFrom(masks)
		ek.bodies = r.words64(p.LWEDim * p.ggswWords())
		ek.keySwitch = r.words32(p.BigDim() * p.KeySwitchLevel)
		ek.packing = r.words32(p.packDigits() * p.PackSize)
	})
	if err != nil {
		return nil, err
	}
	return ek, nil
}
