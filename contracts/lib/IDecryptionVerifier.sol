// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title Verification of public decryptions
/// @notice A result is signed by a quorum of the decryption committee as EIP-712 typed data
/// `PublicDecryptVerification(bytes32[] ctHandles,bytes decryptedResult,bytes extraData)` in the domain
/// of this contract, name "fhevm", version "1". The extra data is the committee's epoch, in 32 bytes.
interface IDecryptionVerifier {
    /// @notice The proof is empty: send the one that came with the decrypted values.
    error EmptyDecryptionProof();

    /// @notice The proof is not `count (1) | signatures (65 each) | epoch (32)`.
    error DeserializingDecryptionProofFail();

    /// @notice `result` must hold one word for each of the `handles` values.
    error ResultLengthMismatch(uint256 handles, uint256 resultBytes);

    /// @notice The proof is of committee epoch `proofEpoch`, which is retired or never was: ask for
    /// the decryption again.
    error WrongEpoch(uint256 proofEpoch, uint256 currentEpoch);

    /// @notice `signer` is no member of the committee: the values, the handles, the chain or this
    /// contract's address differ from what was signed.
    error KMSInvalidSigner(address signer);

    /// @notice `signer` signed twice in one proof.
    error KMSDuplicateSigner(address signer);

    /// @notice The signature's s is in the upper half (EIP-2).
    error KMSMalleableSignature(bytes32 s);

    /// @notice The proof holds no signature.
    error KMSZeroSignature();

    /// @notice Only `numSignatures` members signed, fewer than the quorum.
    error KMSSignatureThresholdNotReached(uint256 numSignatures);

    /// @notice Returns true if a quorum of the committee signed that `handles` decrypt to `result`,
    /// and reverts otherwise.
    /// @param handles The decrypted handles.
    /// @param result One 32-byte word for each handle, as abi.encode writes its value.
    /// @param proof count (1) | signatures r, s, v (65 each) | epoch (32).
    function verify(bytes32[] calldata handles, bytes calldata result, bytes calldata proof)
        external
        view
        returns (bool);

    /// @notice The same under its established name.
    function verifyDecryptionEIP712KMSSignatures(
        bytes32[] calldata handlesList,
        bytes calldata decryptedResult,
        bytes calldata decryptionProof
    ) external view returns (bool);

    /// @notice The members and the quorum of the committee that signed a proof, whose extra data is its
    /// last 32 bytes. Reverts if it is retired or never was. For contracts that check signatures by
    /// themselves.
    function getContextSignersAndThresholdFromExtraData(bytes calldata extraData)
        external
        view
        returns (address[] memory signers, uint256 threshold);

    /// @notice The domain in which the committee signs (ERC-5267).
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
        );

    /// @notice The signing addresses of the current committee.
    function getKmsSigners() external view returns (address[] memory);

    /// @notice The number of members of the current committee that must sign a result.
    function getThreshold() external view returns (uint256);
}
