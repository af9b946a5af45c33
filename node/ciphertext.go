package node

import (
	"net/http"

	"fhevm/fhe"
	"fhevm/threshold"
)

// ciphertext serves what is kept of a handle, with the coprocessor's word for it
// (SPEC 9.2): the signature(65) of its digest, the index(1) among the values that are
// packed together, and the packed form. Ciphertexts are public: everyone may
// compute again what the coprocessor has computed.
func (a *api) ciphertext(w http.ResponseWriter, r *http.Request) error {
	var h fhe.Handle
	if err := h.UnmarshalText([]byte(r.PathValue("handle"))); err != nil {
		return threshold.Faultf(threshold.BadRequest, "handle: %v", err)
	}
	status, err := a.node.coprocessor.Status(h)
	if err != nil {
		return err
	}
	if err := status.Err(); err != nil {
		return threshold.Faultf(threshold.NotReady, "handle %s: %v", h, err)
	}
	p, index, err := a.node.coprocessor.Packed(h)
	if err != nil {
		return err
	}
	packed, err := p.MarshalBinary()
	if err != nil {
		return err
	}
	signed, err := a.node.coprocessor.SignedDigest(r.Context(), h, fhe.OfCiphertext)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(append(append(signed.Signature, byte(index)), packed...)) // who has hung up wants nothing
	return nil
}
