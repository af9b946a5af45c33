package chain

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"fhevm/contracts"
	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"
)

// Explain puts revert data into words: Solidity's own reasons, which include
// those of the precompiles, and the errors of the system contracts and of FHE.sol
// with what to do about them. It is empty where the data says nothing known.
func Explain(revert []byte) string {
	if reason, err := abi.UnpackRevert(revert); err == nil {
		return reason
	}
	if len(revert) < 4 {
		return ""
	}
	e, ok := knownErrors()[[4]byte(revert)]
	if !ok {
		return ""
	}
	args, err := e.Inputs.Unpack(revert[4:])
	if err != nil {
		return ""
	}
	text := fmt.Sprintf("%s(%s)", e.Name, words(e, args))
	if advice := advice[e.Name]; advice != "" {
		text += ": " + advice
	}
	return text
}

// advice says what the contract's author, or the wallet's, should do.
var advice = map[string]string{
	"ACLNotAllowed":                    "this account may not use the handle: call FHE.allowThis after storing a result, or FHE.allowTransient before passing a handle to another contract",
	"SenderNotAllowed":                 "the caller has no right on the handle that it wants to share: call FHE.allowThis on a result before the transaction that made it ends",
	"SenderNotAllowedToUseHandle":      "the sender passed a handle that it has no right on",
	"InvalidScalarByte":                "bit i of the last argument says that operand i, counted from the right, is clear: 0x01 for a clear right operand",
	"TooManyOperands":                  "split the list and combine the results",
	"SeedNotYours":                     "call FHE.randEuint64 or the like: random values take their seed from the chain",
	"HCUBlockLimitExceeded":            "more work is ordered than the coprocessors can do: send the transaction again in some blocks",
	"HCUTransactionDepthLimitExceeded": "too many operations of this transaction wait for each other: spread them over several transactions",
	"InvalidBudget":                    "all three limits of the budget are above 0",
	"WrongInputType":                   "encrypt the input as the type that the contract's function takes",
	"WrongHandleType":                  "the handle is of another type than the variable that it was assigned to",
	"PrecompileMissing":                "this chain computes on no encrypted data: deploy to a chain that fhevm-node runs",
	"SenderNotExecutor":                "call FHE.fromExternal, not the input verifier",
	"HandleNotInList":                  "pass the handle and the proof that one encryption returned together",
	"CoprocessorNotConfigured":         "the contract names no system contracts: inherit FHEVMConfig",
	"ZamaProtocolUnsupported":          "the contract knows no system contracts on this chain: use chain id 31337 or call FHE.setCoprocessor",
	"WrongEpoch":                       "the committee has changed: ask for the public result again",
	"KMSSignatureThresholdNotReached":  "too few committee members signed the public result",
	"KMSInvalidSigner":                 "a signature under the public result is no committee member's, or is for other handles or values",
	"KMSDuplicateSigner":               "a committee member's signature is there twice",
	"EmptyDecryptionProof":             "pass the proof that came with the public result",
	"DeserializingDecryptionProofFail": "the proof is not the one that came with the public result",
	"ResultLengthMismatch":             "a public result has 32 bytes for each handle",
	"InvalidKMSSignatures":             "the signatures under the public result are not valid",
}

// knownErrors are the custom errors of our contracts. FHE.sol is a library
// whose errors stand in the interface of every contract that uses it.
var knownErrors = sync.OnceValue(func() map[[4]byte]abi.Error {
	out := make(map[[4]byte]abi.Error)
	for _, a := range []*contracts.Artifact{
		contracts.ACL, contracts.FHEVMExecutor, contracts.InputVerifier, contracts.DecryptionVerifier, contracts.ConfidentialToken,
	} {
		for _, e := range mustABI(a).Errors {
			out[[4]byte(e.ID[:4])] = e
		}
	}
	return out
})

// mustABI parses an interface that was compiled into the program.
func mustABI(a *contracts.Artifact) abi.ABI {
	parsed, err := abi.JSON(strings.NewReader(a.ABI))
	if err != nil {
		panic(fmt.Sprintf("interface of %s: %v", a.Name, err))
	}
	return parsed
}

func words(e abi.Error, args []any) string {
	parts := make([]string, len(args))
	for i, v := range args {
		parts[i] = e.Inputs[i].Name + " " + word(v)
	}
	return strings.Join(parts, ", ")
}

func word(v any) string {
	switch v := v.(type) {
	case [32]byte:
		return describeHandle(fhe.Handle(v))
	case [1]byte:
		return hexutil.Encode(v[:])
	case common.Address:
		return v.Hex()
	default:
		return fmt.Sprint(v)
	}
}

func describeHandle(h fhe.Handle) string {
	switch {
	case h.IsZero():
		return h.String() + " (uninitialised)"
	case !h.Type().Valid():
		return h.String()
	case h.Index() == fhe.Computed:
		return fmt.Sprintf("%s (%s, computed)", h, h.Type())
	}
	return fmt.Sprintf("%s (%s, input %d)", h, h.Type(), h.Index())
}

// explained rewords the error of a reverted call. Code and data stay as tools
// expect them.
func explained(err error) error {
	var data rpc.DataError
	if !errors.As(err, &data) {
		return err
	}
	text, ok := data.ErrorData().(string)
	if !ok {
		return err
	}
	revert, bad := hexutil.Decode(text)
	reason := Explain(revert)
	if bad != nil || reason == "" {
		return err
	}
	return &revertError{reason: reason, data: text}
}

type revertError struct{ reason, data string }

func (e *revertError) Error() string  { return "execution reverted: " + e.reason }
func (e *revertError) ErrorCode() int { return 3 }
func (e *revertError) ErrorData() any { return e.data }
