package node

import (
	"encoding/json"
	"fmt"
	"io"

	"fhevm/coprocessor"
	"fhevm/fhe"
)

// Finding is what Verify says of one handle.
type Finding = coprocessor.Finding

// PrintFinding says what is wrong, and nothing of what agrees.
func PrintFinding(w io.Writer, f *Finding) {
	switch {
	case f.Agrees():
	case f.Err != nil:
		fmt.Fprintf(w, "? %s (%s in block %d): %v\n", f.Handle, f.Kind, f.Block, f.Err)
	default:
		fmt.Fprintf(w, "! %s (%s in block %d): computed %s\n", f.Handle, f.Kind, f.Block, f.Computed)
		printClaim(w, "  signed  ", f.Claim)
		for _, o := range f.Operands {
			printClaim(w, "  operand ", o)
		}
	}
}

func printClaim(w io.Writer, what string, c *coprocessor.Claim) {
	fmt.Fprintf(w, "%s%s as %s by %s: 0x%x\n", what, c.Signed.Handle, c.Signed.Digest, c.Signer, c.Signed.Signature)
}

// findingJSON is a finding for programs.
type findingJSON struct {
	Handle    fhe.Handle  `json:"handle"`
	Block     uint64      `json:"block"`
	Operation string      `json:"operation"`
	Agrees    bool        `json:"agrees"`
	Computed  *fhe.Digest `json:"computed,omitempty"`
	Claim     *claimJSON  `json:"claim,omitempty"`
	Operands  []claimJSON `json:"operands,omitempty"`
	Error     string      `json:"error,omitempty"`
}

type claimJSON struct {
	Handle    fhe.Handle  `json:"handle"`
	Digest    fhe.Digest  `json:"digest"`
	Signature string      `json:"signature"`
	Signer    fhe.Address `json:"signer"`
}

func claimOf(c *coprocessor.Claim) claimJSON {
	return claimJSON{c.Signed.Handle, c.Signed.Digest, fmt.Sprintf("0x%x", c.Signed.Signature), c.Signer}
}

// PrintFindingJSON writes a finding as one line of JSON.
func PrintFindingJSON(w io.Writer, f *Finding) {
	out := findingJSON{Handle: f.Handle, Block: f.Block, Operation: f.Kind, Agrees: f.Agrees()}
	if f.Err != nil {
		out.Error = f.Err.Error()
	} else {
		out.Computed = &f.Computed
	}
	if f.Claim != nil {
		claim := claimOf(f.Claim)
		out.Claim = &claim
	}
	for _, o := range f.Operands {
		out.Operands = append(out.Operands, claimOf(o))
	}
	_ = json.NewEncoder(w).Encode(out) // whoever has closed the pipe has seen enough
}
