package contracts

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestArtifactsAreCurrent hashes the compiler's inputs as build.mjs does.
func TestArtifactsAreCurrent(t *testing.T) {
	raw, err := artifacts.ReadFile("artifacts/build.json")
	if err != nil {
		t.Fatal(err)
	}
	var build struct{ Sources string }
	if err := json.Unmarshal(raw, &build); err != nil {
		t.Fatal(err)
	}
	inputs := []string{"build.mjs", "layout.mjs", "package-lock.json"}
	for _, folder := range []string{"config", "examples", "lib", "system", "test", "twin"} {
		files, err := filepath.Glob(folder + "/*.sol")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no sources, %v", folder, err)
		}
		inputs = append(inputs, files...)
	}
	slices.Sort(inputs)
	var list strings.Builder
	for _, path := range inputs {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&list, "%s %x\n", filepath.ToSlash(path), sha256.Sum256(data))
	}
	if got := fmt.Sprintf("%x", sha256.Sum256([]byte(list.String()))); got != build.Sources {
		t.Errorf("sources hash to %s, the artifacts were built from %s: run go generate ./contracts", got, build.Sources)
	}
}

// TestCodeSize keeps every contract deployable on any chain (EIP-170).
func TestCodeSize(t *testing.T) {
	for _, a := range []*Artifact{
		ACL, FHEVMExecutor, InputVerifier, DecryptionVerifier, KeyRegistry, SystemProxy, ConfidentialToken,
		OperationTwin, InputTwin, AttestedInputTwin, AttachedExecutor, AttachedInputVerifier,
	} {
		if n := len(a.DeployedBytecode); n == 0 || n > 24576 {
			t.Errorf("%s has %d bytes of code", a.Name, n)
		}
	}
}

// TestEstablishedInterface pins the signatures that contracts compiled against
// the established library call.
func TestEstablishedInterface(t *testing.T) {
	want := map[*Artifact][]string{
		ACL: {
			"allow(bytes32,address)", "allowTransient(bytes32,address)", "allowForDecryption(bytes32[])",
			"isAllowed(bytes32,address)", "persistAllowed(bytes32,address)", "allowedTransient(bytes32,address)",
			"isAllowedForDecryption(bytes32)", "cleanTransientStorage()", "getFHEVMExecutorAddress()",
			"delegateForUserDecryption(address,address,uint64)", "revokeDelegationForUserDecryption(address,address)",
			"getUserDecryptionDelegationExpirationDate(address,address,address)",
			"isHandleDelegatedForUserDecryption(address,address,address,bytes32)", "WILDCARD_DELEGATION_ADDRESS()",
			"invalidateDecryptionSignaturesBefore(uint256)", "decryptionSignatureInvalidatedBefore(address)",
			"multicall(bytes[])", "isAccountDenied(address)", "blockAccount(address)", "unblockAccount(address)",
			"pause()", "unpause()", "paused()", "isPauser(address)", "getVersion()",
			"owner()", "pendingOwner()", "transferOwnership(address)", "acceptOwnership()",
		},
		DecryptionVerifier: {
			"verifyDecryptionEIP712KMSSignatures(bytes32[],bytes,bytes)", "getKmsSigners()", "getThreshold()", "getVersion()",
		},
		FHEVMExecutor: {"verifyInput(bytes32,address,bytes,uint8)", "getInputVerifierAddress()"},
	}
	want[FHEVMExecutor] = slices.AppendSeq(want[FHEVMExecutor], maps.Values(established))
	for a, signatures := range want {
		have := map[string]bool{}
		for _, m := range parseABI(t, a).Methods {
			have[m.Sig] = true
		}
		for _, s := range signatures {
			if !have[s] {
				t.Errorf("%s lacks %s", a.Name, s)
			}
		}
	}
}
