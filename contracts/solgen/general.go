package main

import "strings"

// general adds the functions that concern no single type.
func (f *file) general() {
	f.line("    /// @notice A contract verified that `handlesList` decrypt to `abiEncodedCleartexts`.")
	f.line("    event PublicDecryptionVerified(bytes32[] handlesList, bytes abiEncodedCleartexts);")
	for _, g := range generals {
		f.function(g.doc, g.signature, strings.Join(g.body, "\n        "))
	}
}

const (
	triple   = "address delegate, address contractAddress"
	triples  = "address delegate, address[] memory contractAddresses"
	decrypts = "Lets `delegate` decrypt, by permits of its own, what both the calling contract and `contractAddress` hold persistent rights on"
	several  = "The same for several contracts: all of them or none."
	result   = "bytes32[] memory handlesList, bytes memory abiEncodedCleartexts, bytes memory decryptionProof"
)

var generals = []struct {
	doc, signature string
	body           []string
}{
	{"@notice Sets the system contracts that the calling contract uses.",
		"function setCoprocessor(CoprocessorConfig memory config) internal",
		[]string{"Impl.setCoprocessor(config);"}},
	{"@notice Reverts unless a quorum of the committee signed that `handlesList` decrypt to the words of `abiEncodedCleartexts`.",
		"function checkSignatures(" + result + ") internal",
		[]string{"Impl.checkSignatures(handlesList, abiEncodedCleartexts, decryptionProof);",
			"emit PublicDecryptionVerified(handlesList, abiEncodedCleartexts);"}},
	{"@notice The same for view functions: returns true, or reverts with the verifier's reason. Require the answer; in transactions, checkSignatures does so by itself.",
		"function isPublicDecryptionResultValid(" + result + ") internal view returns (bool)",
		[]string{"return Impl.isPublicDecryptionResultValid(handlesList, abiEncodedCleartexts, decryptionProof);"}},
	{"@notice Ends all rights that last for the transaction: call it between the operations of one account abstraction bundle.",
		"function cleanTransientStorage() internal",
		[]string{"Impl.cleanTransientStorage();"}},
	{"@notice Whether `account` is on the deny list: the network decrypts nothing for it.",
		"function isAccountDenied(address account) internal view returns (bool)",
		[]string{"return Impl.isAccountDenied(account);"}},
	{"@notice Whether `user` may decrypt `handle` through `contractAddress`: they differ, and both hold persistent rights.",
		"function isUserDecryptable(bytes32 handle, address user, address contractAddress) internal view returns (bool)",
		[]string{"return user != contractAddress && Impl.persistAllowed(handle, user) && Impl.persistAllowed(handle, contractAddress);"}},
	{"@notice " + decrypts + ", until `expirationDate` (Unix seconds, later than now). One change of a delegation a block.",
		"function delegateUserDecryption(" + triple + ", uint64 expirationDate) internal",
		[]string{"Impl.delegateForUserDecryption(delegate, contractAddress, expirationDate);"}},
	{"@notice " + several,
		"function delegateUserDecryptions(" + triples + ", uint64 expirationDate) internal",
		[]string{"Impl.delegateForUserDecryptions(delegate, contractAddresses, expirationDate);"}},
	{"@notice " + decrypts + ", until this is revoked.",
		"function delegateUserDecryptionWithoutExpiration(" + triple + ") internal",
		[]string{"Impl.delegateForUserDecryption(delegate, contractAddress, type(uint64).max);"}},
	{"@notice " + several,
		"function delegateUserDecryptionsWithoutExpiration(" + triples + ") internal",
		[]string{"Impl.delegateForUserDecryptions(delegate, contractAddresses, type(uint64).max);"}},
	{"@notice Takes a delegation of the calling contract back, for permits signed before as well.",
		"function revokeUserDecryptionDelegation(" + triple + ") internal",
		[]string{"Impl.revokeDelegationForUserDecryption(delegate, contractAddress);"}},
	{"@notice " + several,
		"function revokeUserDecryptionDelegations(" + triples + ") internal",
		[]string{"Impl.revokeDelegationsForUserDecryption(delegate, contractAddresses);"}},
	{"@notice When the delegation of exactly this triple ends, in Unix seconds; 0 if there is none.",
		"function getDelegatedUserDecryptionExpirationDate(address delegator, " + triple + ") internal view returns (uint64)",
		[]string{"return Impl.getUserDecryptionDelegationExpirationDate(delegator, delegate, contractAddress);"}},
	{"@notice Whether `delegate` may decrypt `handle` for `delegator` through `contractAddress` now.",
		"function isDelegatedForUserDecryption(address delegator, " + triple + ", bytes32 handle) internal view returns (bool)",
		[]string{"return Impl.isDelegatedForUserDecryption(delegator, delegate, contractAddress, handle);"}},
}
