// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IDecryptionVerifier} from "../lib/IDecryptionVerifier.sol";
import {IKeyRegistry} from "../lib/IKeyRegistry.sol";
import {Governed} from "./Governed.sol";

/// @title Verification of public decryptions
/// @notice Keeps nothing: a result is valid any number of times, until its epoch is retired.
contract DecryptionVerifier is IDecryptionVerifier, Governed {
    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant RESULT_TYPE = 
        keccak256("PublicDecryptVerification(bytes32[] ctHandles,bytes decryptedResult,bytes extraData)");

    string private constant NAME = "fhevm";
    string private constant VERSION = "1";

    /// @dev Half the order of secp256k1, rounded down.
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    uint256 private constant SIGNATURE = 65;

    IKeyRegistry private immutable registry;

    /// @param acl_ The contract that names the owner.
    /// @param registry_ The contract that names the committees.
    constructor(address acl_, address registry_) Governed(acl_) {
        registry = IKeyRegistry(registry_);
    }

    /// @notice Marks the proxy as set up; it has no state.
    function initialize() external initializer {}

    /// @inheritdoc IDecryptionVerifier
    function verify(bytes32[] calldata handles, bytes calldata result, bytes calldata proof)
        external
        view
        returns (bool)
    {
        return _verify(handles, result, proof);
    }

    /// @inheritdoc IDecryptionVerifier
    function verifyDecryptionEIP712KMSSignatures(
        bytes32[] calldata handlesList,
        bytes calldata decryptedResult,
        bytes calldata decryptionProof
    ) external view returns (bool) {
        return _verify(handlesList, decryptedResult, decryptionProof);
    }

    /// @inheritdoc IDecryptionVerifier
    function getKmsSigners() external view returns (address[] memory signers) {
        (signers,) = registry.committee(registry.currentEpoch());
    }

    /// @inheritdoc IDecryptionVerifier
    function getThreshold() external view returns (uint256) {
        return registry.thresholdOf(registry.currentEpoch());
    }

    /// @inheritdoc IDecryptionVerifier
    function getContextSignersAndThresholdFromExtraData(bytes calldata extraData)
        external
        view
        returns (address[] memory signers, uint256 threshold)
    {
        if (extraData.length != 32) revert DeserializingDecryptionProofFail();
        uint256 epoch = uint256(bytes32(extraData));
        (signers, threshold) = registry.committee(epoch);
        if (threshold == 0) revert WrongEpoch(epoch, registry.currentEpoch());
    }

    /// @inheritdoc IDecryptionVerifier
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        )
    {
        return (0x0f, NAME, VERSION, block.chainid, address(this), 0, new uint256[](0));
    }

    /// @notice The contract that names the committees.
    function getKeyRegistryAddress() external view returns (address) {
        return address(registry);
    }

    /// @notice Name and version of this implementation.
    function getVersion() external pure returns (string memory) {
        return "DecryptionVerifier v0.1.0";
    }

    function _verify(bytes32[] calldata handles, bytes calldata result, bytes calldata proof)
        private
        view
        returns (bool)
    {
        if (result.length != 32 * handles.length) revert ResultLengthMismatch(handles.length, result.length);
        if (proof.length == 0) revert EmptyDecryptionProof();
        uint256 count = uint8(proof[0]);
        if (proof.length != 1 + SIGNATURE * count + 32) revert DeserializingDecryptionProofFail();
        if (count == 0) revert KMSZeroSignature();
        uint256 epoch = uint256(bytes32(proof[proof.length - 32:]));
        uint256 threshold = registry.thresholdOf(epoch);
        if (threshold == 0) revert WrongEpoch(epoch, registry.currentEpoch());
        if (count < threshold) revert KMSSignatureThresholdNotReached(count);
        _checkSignatures(epoch, _digest(handles, result, epoch), proof[1:proof.length - 32]);
        return true;
    }

    /// @dev The members of one proof are the bits of `seen`.
    function _checkSignatures(uint256 epoch, bytes32 digest, bytes calldata signatures) private view {
        uint256 seen;
        for (; signatures.length != 0; signatures = signatures[SIGNATURE:]) {
            address signer = _recover(digest, signatures);
            uint256 position = registry.positionOf(epoch, signer);
            if (position == 0) revert KMSInvalidSigner(signer);
            uint256 bit = 1 << position;
            if (seen & bit != 0) revert KMSDuplicateSigner(signer);
            seen |= bit;
        }
    }

    function _recover(bytes32 digest, bytes calldata signature) private pure returns (address) {
        bytes32 s = bytes32(signature[32:64]);
        if (uint256(s) > HALF_ORDER) revert KMSMalleableSignature(s);
        return ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), s);
    }

    function _digest(bytes32[] calldata handles, bytes calldata result, uint256 epoch) private view returns (bytes32) {
        bytes32 extraData = keccak256(abi.encode(epoch));
        bytes32 message =
            keccak256(abi.encode(RESULT_TYPE, keccak256(abi.encodePacked(handles)), keccak256(result), extraData));
        bytes32 domain = keccak256(
            abi.encode(DOMAIN_TYPE, keccak256(bytes(NAME)), keccak256(bytes(VERSION)), block.chainid, address(this))
        );
        return keccak256(abi.encodePacked(hex"1901", domain, message));
    }
}
