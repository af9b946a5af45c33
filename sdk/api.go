package sdk

import (
	"fhevm/fhe"
	"fhevm/threshold"
)

// Routes of the wallet API (SPEC 9). {handle} stands for a handle in hexadecimal.
const (
	RouteParameters        = "/v1/parameters"
	RoutePublicKey         = "/v1/public-key"
	RouteHandle            = "/v1/handles/{handle}"
	RouteCiphertext        = "/v1/handles/{handle}/ciphertext"
	RouteUserDecryptions   = "/v1/user-decryptions"
	RoutePublicDecryptions = "/v1/public-decryptions"
	RouteHealth            = "/v1/health"
)

// HandleStatus says how far a handle is: GET RouteHandle.
type HandleStatus struct {
	Handle    fhe.Handle   `json:"handle"`
	Type      string       `json:"type"`
	State     string       `json:"state"` // unknown, unwanted, pending, ready or failed
	Operation string       `json:"operation,omitempty"`
	Operands  []fhe.Handle `json:"operands,omitempty"`
	Digest    *fhe.Digest  `json:"digest,omitempty"` // of the ciphertext, when ready
	Error     string       `json:"error,omitempty"`  // when failed: which computation, and why
}

// Ciphertext is what a coprocessor keeps of a handle, and its word for that: GET
// RouteCiphertext.
type Ciphertext struct {
	Packed    []byte   // the values that are packed together (SPEC 4.8)
	Index     int      // of the handle's own among them
	Signature [65]byte // of the digest of Packed (SPEC 7.4)
}

// PublicRequest asks for the values of publicly marked handles: POST
// RoutePublicDecryptions.
type PublicRequest struct {
	Handles []fhe.Handle `json:"handles"`
}

// PublicResult is a public decryption with what DecryptionVerifier checks.
type PublicResult struct {
	Handles []fhe.Handle      `json:"handles"`
	Values  []string          `json:"values"` // decimal
	Result  threshold.Bytes   `json:"result"` // one 32-byte word per handle
	Proof   threshold.Bytes   `json:"proof"`
	Blames  []threshold.Blame `json:"blames,omitempty"`
}

// ErrorBody is the body of every response that is not 2xx.
type ErrorBody struct {
	Problem Problem `json:"error"`
}
