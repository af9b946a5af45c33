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

// knownErrors are the custom errors of our contracts. FHE.sol is a library
// whose errors stand in the interface of every contract that uses it.
var knownErrors = sync.OnceValue(func() map[[4]byte]abi.Error {
	out := make(map[[4]byte]abi.Error)
	artifacts := []*contracts.Artifact{contracts.SystemProxy, contracts.ConfidentialToken}
	for _, s := range contracts.Systems() {
		artifacts = append(artifacts, s.Artifact)
	}
	for _, a := range artifacts {
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
	case uint8: // no error has another one than an FheType
		return fhe.Type(v).String()
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
