// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {FheType} from "./FheType.sol";
import {IACL} from "./IACL.sol";
import {IDecryptionVerifier} from "./IDecryptionVerifier.sol";
import {IFHEVMExecutor} from "./IFHEVMExecutor.sol";
import {IInputVerifier} from "./IInputVerifier.sol";

/// @notice The system contracts that a contract uses.
struct CoprocessorConfig {
    address ACLAddress;
    address CoprocessorAddress;
    address KMSVerifierAddress;
}

/// @title What library FHE does on untyped handles
library Impl {
    /// @dev ERC-7201 location of the CoprocessorConfig; tools read it.
    bytes32 private constant CONFIG_SLOT = 0x9e7b61f58c47dc699ac88507c4f5bb9f121c03808c5676a8078fe583e4649700;

    /// @notice No system contracts are set: inherit ZamaEthereumConfig or call FHE.setCoprocessor.
    error CoprocessorNotConfigured();

    /// @notice An input without a proof must be a handle on which the sender holds a right.
    error SenderNotAllowedToUseHandle(bytes32 handle, address sender);

    /// @notice An input without a proof is of another type than the contract expects.
    error WrongHandleType(bytes32 handle, FheType wanted);

    /// @notice The verifier says that the committee did not sign these values.
    /// @dev The network's own verifier never returns false: it reverts and says why. Another one that
    /// FHE.setCoprocessor names may.
    error InvalidKMSSignatures();

    /// @notice Sets the system contracts that the calling contract uses.
    function setCoprocessor(CoprocessorConfig memory config) internal {
        CoprocessorConfig storage current = getCoprocessorConfig();
        current.ACLAddress = config.ACLAddress;
        current.CoprocessorAddress = config.CoprocessorAddress;
        current.KMSVerifierAddress = config.KMSVerifierAddress;
    }

    /// @notice The system contracts that the calling contract uses.
    function getCoprocessorConfig() internal pure returns (CoprocessorConfig storage config) {
        assembly ("memory-safe") {
            config.slot := CONFIG_SLOT
        }
    }

    /// @notice The contract that orders operations.
    function executor() internal view returns (IFHEVMExecutor target) {
        target = IFHEVMExecutor(getCoprocessorConfig().CoprocessorAddress);
        if (address(target) == address(0)) revert CoprocessorNotConfigured();
    }

    /// @notice The contract that keeps rights.
    function acl() internal view returns (IACL target) {
        target = IACL(getCoprocessorConfig().ACLAddress);
        if (address(target) == address(0)) revert CoprocessorNotConfigured();
    }

    /// @notice An encryption of 0.
    function zero(FheType fheType) internal returns (bytes32) {
        return executor().trivialEncrypt(0, fheType);
    }

    /// @notice `handles`, with an encryption of 0 in place of uninitialised ones.
    function orZeros(bytes32[] memory handles, FheType fheType) internal returns (bytes32[] memory list) {
        list = new bytes32[](handles.length);
        for (uint256 i = 0; i < handles.length; i++) {
            list[i] = handles[i] == 0 ? zero(fheType) : handles[i];
        }
    }

    /// @notice `words` without the bits beyond `mask`.
    function cut(bytes32[] memory words, uint256 mask) internal pure returns (bytes32[] memory list) {
        list = new bytes32[](words.length);
        for (uint256 i = 0; i < words.length; i++) {
            list[i] = words[i] & bytes32(mask);
        }
    }

    /// @notice Calls the executor's function `selector`, which takes two operands and says which are clear.
    function operate(bytes4 selector, bytes32 a, bytes32 b, bytes1 scalarByte) internal returns (bytes32 result) {
        address target = address(executor());
        // Solidity's encoder takes 120 gas more. As there, what the executor reverts with is passed on, and
        // an address without code, which returns nothing, reverts.
        assembly ("memory-safe") {
            let data := mload(64)
            mstore(data, selector)
            mstore(add(data, 4), a)
            mstore(add(data, 36), b)
            mstore(add(data, 68), scalarByte)
            let ok := call(gas(), target, 0, data, 100, 0, 32)
            if iszero(and(ok, gt(returndatasize(), 31))) {
                returndatacopy(data, 0, returndatasize())
                revert(data, returndatasize())
            }
            result := mload(0)
        }
    }

    /// @notice Orders operation `op` on one handle.
    function unary(uint8 op, FheType fheType, bytes32 a) internal returns (bytes32) {
        return _few(op, fheType, 1, a, 0, 0, 0);
    }

    /// @notice Orders operation `op` on two operands, of which operand i is clear if `clear` has bit i.
    function binary(uint8 op, FheType fheType, bytes32 a, bytes32 b, uint256 clear) internal returns (bytes32) {
        return _few(op, fheType, 2, a, b, 0, clear);
    }

    /// @notice Orders operation `op` on a condition and two values, of which the first is clear if
    /// `clear` has bit 1, the second if it has bit 2.
    function choose(uint8 op, FheType fheType, bytes32 control, bytes32 ifTrue, bytes32 ifFalse, uint256 clear)
        internal
        returns (bytes32)
    {
        return _few(op, fheType, 3, control, ifTrue, ifFalse, clear);
    }

    /// @notice Looks `a` up in a table of 256 entries, big-endian.
    function lookup(uint8 op, FheType fheType, bytes32 a, bytes memory table) internal returns (bytes32) {
        bytes32[] memory operands = new bytes32[](1);
        operands[0] = a;
        return executor().order(op, fheType, operands, 0, table)[0];
    }

    /// @notice Looks `a` and `b` up in a table of 256 entries, big-endian.
    function lookup2(uint8 op, FheType fheType, bytes32 a, bytes32 b, bytes memory table) internal returns (bytes32) {
        return _two(op, fheType, a, b, 0, table)[0];
    }

    /// @notice Orders operation `op` on a handle and a list of clear values; on an empty one, the
    /// answer is an encryption of false.
    function member(uint8 op, FheType fheType, bytes32 a, bytes32[] memory list) internal returns (bytes32) {
        if (list.length == 0) return zero(FheType.Bool);
        bytes32[] memory operands = new bytes32[](1 + list.length);
        operands[0] = a;
        for (uint256 i = 0; i < list.length; i++) {
            operands[i + 1] = list[i];
        }
        return executor().order(op, fheType, operands, type(uint256).max - 1, "")[0];
    }

    /// @notice Orders operation `op`, which has two results.
    function pair(uint8 op, FheType fheType, bytes32 a, bytes32 b, uint256 clear)
        internal
        returns (bytes32 first, bytes32 second)
    {
        bytes32[] memory results = _two(op, fheType, a, b, clear, "");
        return (results[0], results[1]);
    }

    /// @notice `handle` converted to another type; 0 where it is uninitialised.
    function cast(bytes32 handle, FheType toType) internal returns (bytes32) {
        return handle == 0 ? zero(toType) : executor().cast(handle, toType);
    }

    /// @notice Accepts an input of the sender, who gets a right on it for the transaction as well.
    /// Without a proof, `handle` is one that the sender already holds a right on, or zero, which means 0.
    function fromExternal(bytes32 handle, bytes memory proof, FheType fheType) internal returns (bytes32) {
        if (proof.length != 0) {
            handle = executor().verifyInput(handle, msg.sender, proof, fheType);
            acl().allowTransient(handle, msg.sender);
            return handle;
        }
        if (handle == 0) return zero(fheType);
        if (!isAllowed(handle, msg.sender)) revert SenderNotAllowedToUseHandle(handle, msg.sender);
        if (uint8(handle[30]) != uint8(fheType)) revert WrongHandleType(handle, fheType);
        return handle;
    }

    /// @notice Gives `account` a right on `handle` for ever.
    function allow(bytes32 handle, address account) internal {
        acl().allow(handle, account);
    }

    /// @notice Gives this contract and `account` a right on `handle` for ever.
    function allowBoth(bytes32 handle, address account) internal {
        acl().allowBoth(handle, account);
    }

    /// @notice Gives `account` a right on `handle` until the end of the transaction.
    function allowTransient(bytes32 handle, address account) internal {
        acl().allowTransient(handle, account);
    }

    /// @notice Whether `account` holds a right on `handle`.
    function isAllowed(bytes32 handle, address account) internal view returns (bool) {
        return acl().isAllowed(handle, account);
    }

    /// @notice Whether `account` holds a persistent right on `handle`.
    function persistAllowed(bytes32 handle, address account) internal view returns (bool) {
        return acl().persistAllowed(handle, account);
    }

    /// @notice Whether `account` is on the deny list.
    function isAccountDenied(address account) internal view returns (bool) {
        return acl().isAccountDenied(account);
    }

    /// @notice Lets `delegate` decrypt what both the calling contract and `contractAddress` hold
    /// persistent rights on, until `expirationDate` (Unix seconds, later than now).
    function delegateForUserDecryption(address delegate, address contractAddress, uint64 expirationDate) internal {
        acl().delegateForUserDecryption(delegate, contractAddress, expirationDate);
    }

    /// @notice The same for several contracts: all of them or none.
    function delegateForUserDecryptions(address delegate, address[] memory contractAddresses, uint64 expirationDate)
        internal
    {
        bytes[] memory calls = new bytes[](contractAddresses.length);
        for (uint256 i = 0; i < calls.length; i++) {
            calls[i] = abi.encodeCall(IACL.delegateForUserDecryption, (delegate, contractAddresses[i], expirationDate));
        }
        acl().multicall(calls);
    }

    /// @notice Takes a delegation of the calling contract back.
    function revokeDelegationForUserDecryption(address delegate, address contractAddress) internal {
        acl().revokeDelegationForUserDecryption(delegate, contractAddress);
    }

    /// @notice The same for several contracts: all of them or none.
    function revokeDelegationsForUserDecryption(address delegate, address[] memory contractAddresses) internal {
        bytes[] memory calls = new bytes[](contractAddresses.length);
        for (uint256 i = 0; i < calls.length; i++) {
            calls[i] = abi.encodeCall(IACL.revokeDelegationForUserDecryption, (delegate, contractAddresses[i]));
        }
        acl().multicall(calls);
    }

    /// @notice When the delegation of exactly this triple ends, in Unix seconds; 0 if there is none.
    function getUserDecryptionDelegationExpirationDate(address delegator, address delegate, address contractAddress)
        internal
        view
        returns (uint64)
    {
        return acl().getUserDecryptionDelegationExpirationDate(delegator, delegate, contractAddress);
    }

    /// @notice Whether `delegate` may decrypt `handle` for `delegator` through `contractAddress` now.
    function isDelegatedForUserDecryption(
        address delegator,
        address delegate,
        address contractAddress,
        bytes32 handle
    ) internal view returns (bool) {
        return acl().isHandleDelegatedForUserDecryption(delegator, delegate, contractAddress, handle);
    }

    /// @notice Lets everyone decrypt `handle`.
    function makePubliclyDecryptable(bytes32 handle) internal {
        bytes32[] memory handles = new bytes32[](1);
        handles[0] = handle;
        acl().allowForDecryption(handles);
    }

    /// @notice Whether everyone may decrypt `handle`.
    function isPubliclyDecryptable(bytes32 handle) internal view returns (bool) {
        return acl().isAllowedForDecryption(handle);
    }

    /// @notice Reverts unless a quorum of the committee signed that `handlesList` decrypt to
    /// `abiEncodedCleartexts`.
    function checkSignatures(bytes32[] memory handlesList, bytes memory abiEncodedCleartexts, bytes memory proof)
        internal
        view
    {
        if (!isPublicDecryptionResultValid(handlesList, abiEncodedCleartexts, proof)) revert InvalidKMSSignatures();
    }

    /// @notice Whether a quorum of the committee signed that `handlesList` decrypt to
    /// `abiEncodedCleartexts`: true, or reverts with the verifier's reason.
    function isPublicDecryptionResultValid(
        bytes32[] memory handlesList,
        bytes memory abiEncodedCleartexts,
        bytes memory proof
    ) internal view returns (bool) {
        IDecryptionVerifier verifier = IDecryptionVerifier(getCoprocessorConfig().KMSVerifierAddress);
        if (address(verifier) == address(0)) revert CoprocessorNotConfigured();
        return verifier.verify(handlesList, abiEncodedCleartexts, proof);
    }

    /// @notice Ends all rights that last for the transaction.
    function cleanTransientStorage() internal {
        acl().cleanTransientStorage();
        IInputVerifier(executor().getInputVerifierAddress()).cleanTransientStorage();
    }

    /// @dev Calls order3, in assembly as in operate.
    function _few(uint8 op, FheType fheType, uint256 n, bytes32 a, bytes32 b, bytes32 c, uint256 clear)
        private
        returns (bytes32 result)
    {
        address target = address(executor());
        bytes4 selector = IFHEVMExecutor.order3.selector;
        assembly ("memory-safe") {
            let data := mload(64)
            mstore(data, selector)
            mstore(add(data, 4), and(op, 0xff))
            mstore(add(data, 36), fheType)
            mstore(add(data, 68), n)
            mstore(add(data, 100), a)
            mstore(add(data, 132), b)
            mstore(add(data, 164), c)
            mstore(add(data, 196), clear)
            let ok := call(gas(), target, 0, data, 228, 0, 32)
            if iszero(and(ok, gt(returndatasize(), 31))) {
                returndatacopy(data, 0, returndatasize())
                revert(data, returndatasize())
            }
            result := mload(0)
        }
    }

    function _two(uint8 op, FheType fheType, bytes32 a, bytes32 b, uint256 clear, bytes memory table)
        private
        returns (bytes32[] memory)
    {
        bytes32[] memory operands = new bytes32[](2);
        (operands[0], operands[1]) = (a, b);
        return executor().order(op, fheType, operands, clear, table);
    }
}
