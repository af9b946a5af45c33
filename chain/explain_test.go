package chain

import (
	"strings"
	"testing"

	"fhevm/contracts"
	"fhevm/fhe"
	"fhevm/precompiles"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"
)

func TestExplain(t *testing.T) {
	executor := mustABI(contracts.FHEVMExecutor)
	computed := fhe.NewHandle(fhe.Digest{1}, fhe.Computed, contracts.DevChainID, fhe.Uint64, fhe.Version)
	e := executor.Errors["ACLNotAllowed"]
	args, err := e.Inputs.Pack([32]byte(computed), nowhere)
	if err != nil {
		t.Fatal(err)
	}
	text := Explain(append(e.ID[:4:4], args...))
	for _, part := range []string{"ACLNotAllowed(", computed.String(), "uint64, computed", nowhere.Hex(), "FHE.allowThis"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %q", part, text)
		}
	}
	for _, unknown := range [][]byte{nil, {1, 2, 3}, {1, 2, 3, 4}, e.ID[:4], append(e.ID[:4:4], 1)} {
		if text := Explain(unknown); text != "" {
			t.Errorf("%x is explained as %q", unknown, text)
		}
	}
}

// Numbers that stand for types are shown as types.
func TestExplainNamesTypes(t *testing.T) {
	e := mustABI(contracts.FHEVMExecutor).Errors["WrongInputType"]
	input := fhe.NewHandle(fhe.Digest{1}, 0, contracts.DevChainID, fhe.Uint32, fhe.Version)
	for wanted, name := range map[fhe.Type]string{fhe.Uint64: "uint64", fhe.Int8: "int8", 1: "type(1)"} {
		args, err := e.Inputs.Pack([32]byte(input), uint8(wanted))
		if err != nil {
			t.Fatal(err)
		}
		if text := Explain(append(e.ID[:4:4], args...)); !strings.Contains(text, "(uint32, input 0), wanted "+name+"): ") {
			t.Errorf("%q does not say that %s is wanted", text, name)
		}
	}
}

// Limits are named: who reads of one has to know where it stands.
func TestExplainNamesLimits(t *testing.T) {
	for _, e := range knownErrors() {
		if strings.HasPrefix(e.Name, "HCU") && !strings.Contains(advice[e.Name], "executor's budget()") {
			t.Errorf("advice on %s does not say where its limit is read", e.Name)
		}
	}
}

// Advice is kept for errors that exist.
func TestAdviceIsOfKnownErrors(t *testing.T) {
	names := make(map[string]bool)
	for _, e := range knownErrors() {
		names[e.Name] = true
	}
	for name := range advice {
		if !names[name] {
			t.Errorf("no contract has an error %s", name)
		}
	}
}

// Every custom error comes with what to do about it.
func TestEveryErrorHasAdvice(t *testing.T) {
	for _, e := range knownErrors() {
		if advice[e.Name] == "" {
			t.Errorf("no advice on %s: add it to advice.go", e.Sig)
		}
	}
}

func FuzzExplain(f *testing.F) {
	for id := range knownErrors() {
		f.Add(append(id[:], make([]byte, 96)...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if text := Explain(b); len(text) > 1000+8*len(b) {
			t.Errorf("%d bytes are explained in %d", len(b), len(text))
		}
	})
}

// Calls and estimates say why they revert, with the code and data that tools
// expect.
func TestRevertsAreExplained(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	executor, at := mustABI(contracts.FHEVMExecutor), common.Address(contracts.ExecutorAddress)
	foreign := fhe.NewHandle(fhe.Digest{1}, fhe.Computed, contracts.DevChainID, fhe.Uint64, fhe.Version)
	notAllowed, err := executor.Pack("fheAdd", [32]byte(foreign), [32]byte(foreign), [1]byte{})
	if err != nil {
		t.Fatal(err)
	}
	zero, err := executor.Pack("fheAdd", [32]byte{}, [32]byte{}, [1]byte{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		to   common.Address
		data []byte
		want string
	}{
		{at, notAllowed, "ACLNotAllowed(handle " + foreign.String()},
		{at, zero, "handle is uninitialised"},
		{precompiles.OperationAddress, []byte{1}, "FHE operation: operation has 1 bytes"},
		{precompiles.InputAddress, []byte{1}, "FHE input: binding has 1 bytes"},
	} {
		msg := ethereum.CallMsg{From: w.Address, To: &c.to, Data: c.data}
		_, err := w.client.CallContract(ctx, msg, nil)
		checkExplained(t, err, c.want)
		_, err = w.client.EstimateGas(ctx, msg)
		checkExplained(t, err, c.want)
	}
}

func checkExplained(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), "execution reverted: ") || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %v, want %q in it", err, want)
		return
	}
	coded, ok := err.(rpc.Error)
	if !ok || coded.ErrorCode() != 3 {
		t.Errorf("%v has no code 3", err)
	}
	data, _ := err.(rpc.DataError).ErrorData().(string)
	if b, bad := hexutil.Decode(data); bad != nil || len(b) < 4 {
		t.Errorf("%v has data %q", err, data)
	}
}
