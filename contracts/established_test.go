package contracts

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/vm"
)

// establishedFunctions are those that contracts compiled against the established
// library call, and what tools for it read, with the types that they return.
var establishedFunctions = map[*Artifact][]string{
	ACL: {
		"allow(bytes32,address)", "allowTransient(bytes32,address)", "allowForDecryption(bytes32[])",
		"isAllowed(bytes32,address) bool", "persistAllowed(bytes32,address) bool", "allowedTransient(bytes32,address) bool",
		"isAllowedForDecryption(bytes32) bool", "cleanTransientStorage()", "getFHEVMExecutorAddress() address",
		"delegateForUserDecryption(address,address,uint64)", "revokeDelegationForUserDecryption(address,address)",
		"getUserDecryptionDelegationExpirationDate(address,address,address) uint64",
		"isHandleDelegatedForUserDecryption(address,address,address,bytes32) bool", "WILDCARD_DELEGATION_ADDRESS() address",
		"invalidateDecryptionSignaturesBefore(uint256)", "decryptionSignatureInvalidatedBefore(address) uint256",
		"multicall(bytes[]) bytes[]", "isAccountDenied(address) bool", "blockAccount(address)", "unblockAccount(address)",
		"pause()", "unpause()", "paused() bool", "isPauser(address) bool",
		"owner() address", "pendingOwner() address", "transferOwnership(address)", "acceptOwnership()",
	},
	FHEVMExecutor: {
		"verifyInput(bytes32,address,bytes,uint8) bytes32", "getInputVerifierAddress() address", "getACLAddress() address",
	},
	// The executor calls verify; the established verifyInput has a context for its first argument and
	// returns the handle.
	InputVerifier: {"cleanTransientStorage()", "verify(address,address,bytes32,bytes) uint256"},
	DecryptionVerifier: {
		"verifyDecryptionEIP712KMSSignatures(bytes32[],bytes,bytes) bool", "getKmsSigners() address[]", "getThreshold() uint256",
		"getContextSignersAndThresholdFromExtraData(bytes) address[],uint256",
		"eip712Domain() bytes1,string,string,uint256,address,bytes32,uint256[]",
	},
}

// everyProxy are the functions that all system contracts have.
var everyProxy = []string{"getVersion() string", "proxiableUUID() bytes32", "upgradeToAndCall(address,bytes)", "UPGRADE_INTERFACE_VERSION() string"}

// establishedErrors are those that existing code recognises by their selectors.
var establishedErrors = map[*Artifact][]string{
	ACL: {
		"SenderNotAllowed(address)", "SenderDenied(address)", "HandlesListIsEmpty()", "EnforcedPause()", "ExpectedPause()", "NotPauser(address)",
		"AccountAlreadyBlocked(address)", "AccountNotBlocked(address)", "AccountAlreadyPauser(address)", "AccountNotPauser(address)",
		"AlreadyDelegatedOrRevokedInSameBlock(address,address,address,uint256)", "DelegateCannotBeContractAddress(address)",
		"ExpirationDateAlreadySetToSameValue(address,address,address,uint256)", "NotDelegatedYet(address,address,address)",
		"SenderCannotBeContractAddress(address)", "SenderCannotBeDelegate(address)", "OwnableUnauthorizedAccount(address)",
	},
	FHEVMExecutor: {"ACLNotAllowed(bytes32,address)", "DivisionByZero()", "HCUTransactionDepthLimitExceeded()", "NotHostOwner(address)"},
	InputVerifier: {"NotHostOwner(address)"},
	DecryptionVerifier: {
		"EmptyDecryptionProof()", "DeserializingDecryptionProofFail()", "KMSInvalidSigner(address)", "KMSZeroSignature()",
		"KMSSignatureThresholdNotReached(uint256)", "NotHostOwner(address)",
	},
	ConfidentialToken: {"SenderNotAllowedToUseHandle(bytes32,address)", "InvalidKMSSignatures()", "ZamaProtocolUnsupported()"}, // the library's
}

// returning is a method's signature with the types of its results.
func returning(m abi.Method) string {
	var types []string
	for _, o := range m.Outputs {
		types = append(types, o.Type.String())
	}
	return strings.TrimSpace(m.Sig + " " + strings.Join(types, ","))
}

func TestEstablishedInterface(t *testing.T) {
	for a, want := range establishedFunctions {
		have := map[string]bool{}
		for _, m := range parseABI(t, a).Methods {
			have[returning(m)] = true
		}
		want = append(want[:len(want):len(want)], everyProxy...)
		if a == FHEVMExecutor {
			for _, signature := range established {
				want = append(want, signature+" bytes32")
			}
		}
		for _, s := range want {
			if !have[s] {
				t.Errorf("%s lacks %s", a.Name, s)
			}
		}
	}
}

func TestEstablishedErrors(t *testing.T) {
	for a, want := range establishedErrors {
		have := map[string]bool{}
		for _, e := range parseABI(t, a).Errors {
			have[e.Sig] = true
		}
		for _, s := range want {
			if !have[s] {
				t.Errorf("%s lacks %s", a.Name, s)
			}
		}
	}
}

// TestInvalidKMSSignatures: the network's verifier reverts with its reason and never
// says no; one that does is not believed.
func TestInvalidKMSSignatures(t *testing.T) {
	k := newToken(t)
	k.network.must(carol, k.contract, "requestTotalSupply")
	no := []byte{byte(vm.PUSH1), 32, byte(vm.PUSH0), byte(vm.RETURN)}
	k.config.State.SetCode(common.Address(DecryptionVerifierAddress), no, tracing.CodeChangeUnspecified)
	k.network.fails("InvalidKMSSignatures()", bob, k.contract, "finalizeTotalSupply", uint64(0), []byte{1})
	if got := fmt.Sprint(k.network.must(bob, k.contract, "publishedTotalSupply")); got != "0" {
		t.Errorf("published %s", got)
	}
}
