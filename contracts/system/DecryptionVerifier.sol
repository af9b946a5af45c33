// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IDecryptionVerifier} from "../lib/IDecryptionVerifier.sol";

/// @title Verification of public decryptions
/// @notice Also the place where every role reads the committee and the kind of network.
contract DecryptionVerifier is IDecryptionVerifier {
    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant RESULT_TYPE = keccak256("DecryptionResult(bytes32[] handles,bytes result,uint256 epoch)");

    /// @dev Half the order of secp256k1, rounded down.
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    uint256 private constant SIGNATURE = 65;
    uint256 private constant MAX_SIGNERS = 255;

    /// @notice The number of members that must sign a result.
    uint256 public immutable threshold;

    /// @notice The committee's epoch.
    uint256 public immutable epoch;

    /// @notice "dev" or "production".
    string public network;

    address[] private members;

    /// @dev 1 more than the member's index, 0 for everyone else.
    mapping(address signer => uint256) private position;

    /// @notice The committee has 1 to 255 members, different from each other and from zero, and the
    /// threshold is at least 1 and at most their number.
    error InvalidCommittee();

    /// @notice The network is "dev" or "production".
    error InvalidNetwork(string network);

    /// @param signers_ The members' signing addresses.
    /// @param threshold_ The quorum, 2t+1 where t members may be corrupt.
    /// @param epoch_ The committee's epoch.
    /// @param network_ "dev" or "production".
    constructor(address[] memory signers_, uint256 threshold_, uint256 epoch_, string memory network_) {
        if (threshold_ == 0 || threshold_ > signers_.length || signers_.length > MAX_SIGNERS) {
            revert InvalidCommittee();
        }
        for (uint256 i = 0; i < signers_.length; i++) {
            if (signers_[i] == address(0) || position[signers_[i]] != 0) revert InvalidCommittee();
            position[signers_[i]] = i + 1;
        }
        bytes32 kind = keccak256(bytes(network_));
        if (kind != keccak256("dev") && kind != keccak256("production")) revert InvalidNetwork(network_);
        (members, threshold, epoch, network) = (signers_, threshold_, epoch_, network_);
    }

    /// @notice The members' signing addresses.
    function signers() external view returns (address[] memory) {
        return members;
    }

    /// @inheritdoc IDecryptionVerifier
    function verify(bytes32[] calldata handles, bytes calldata result, bytes calldata proof)
        external
        view
        returns (bool)
    {
        if (result.length != 32 * handles.length) revert ResultLengthMismatch(handles.length, result.length);
        if (proof.length == 0) revert EmptyDecryptionProof();
        uint256 count = uint8(proof[0]);
        if (proof.length != 1 + SIGNATURE * count + 32) revert DeserializingDecryptionProofFail();
        uint256 proofEpoch = uint256(bytes32(proof[proof.length - 32:]));
        if (proofEpoch != epoch) revert WrongEpoch(proofEpoch, epoch);
        if (count < threshold) revert KMSSignatureThresholdNotReached(count);
        _checkSignatures(_digest(handles, result), proof[1:proof.length - 32]);
        return true;
    }

    /// @dev The members of one proof are the bits of `seen`.
    function _checkSignatures(bytes32 digest, bytes calldata signatures) private view {
        uint256 seen;
        for (; signatures.length != 0; signatures = signatures[SIGNATURE:]) {
            address signer = _recover(digest, signatures);
            if (position[signer] == 0) revert KMSInvalidSigner(signer);
            uint256 bit = 1 << position[signer];
            if (seen & bit != 0) revert KMSDuplicateSigner(signer);
            seen |= bit;
        }
    }

    function _recover(bytes32 digest, bytes calldata signature) private pure returns (address) {
        bytes32 s = bytes32(signature[32:64]);
        if (uint256(s) > HALF_ORDER) revert KMSMalleableSignature(s);
        return ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), s);
    }

    function _digest(bytes32[] calldata handles, bytes calldata result) private view returns (bytes32) {
        bytes32 message =
            keccak256(abi.encode(RESULT_TYPE, keccak256(abi.encodePacked(handles)), keccak256(result), epoch));
        bytes32 domain =
            keccak256(abi.encode(DOMAIN_TYPE, keccak256("fhevm"), keccak256("1"), block.chainid, address(this)));
        return keccak256(abi.encodePacked(hex"1901", domain, message));
    }
}
