// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IKeyRegistry} from "../lib/IKeyRegistry.sol";
import {Governed} from "./Governed.sol";

/// @title Which key, proof parameters and committee are in force
/// @notice Every role reads them here, at a final block.
contract KeyRegistry is IKeyRegistry, Governed {
    struct Committee {
        address[] signers;
        uint256 threshold;
        bool retired;
        // 1 more than the member's index, 0 for everyone else.
        mapping(address signer => uint256) position;
    }

    /// @custom:storage-location erc7201:fhevm.storage.KeyRegistry
    struct KeyRegistryStorage {
        string network;
        bytes32 keyId;
        bytes32 proofParametersId;
        uint256 currentEpoch;
        mapping(uint256 epoch => Committee) committees;
    }

    bytes32 private constant STORAGE = 0x012b974d3039e7b9a988ae71158c85db3f3dc62bf5ce95ff78209b860ba79e00;

    uint256 private constant MAX_SIGNERS = 255;

    address private immutable decryptionVerifier;

    /// @param acl_ The contract that names the owner.
    /// @param decryptionVerifier_ The contract that checks results by this registry.
    constructor(address acl_, address decryptionVerifier_) Governed(acl_) {
        decryptionVerifier = decryptionVerifier_;
    }

    /// @notice Sets the network up, once.
    /// @param network_ "dev" or "production".
    /// @param keyId_ Identifies the network's FHE public key.
    /// @param proofParametersId_ Identifies the parameters of input proofs, zero for none.
    /// @param epoch The first committee's epoch.
    /// @param signers The members' signing addresses.
    /// @param threshold The quorum, 2t+1 where t members may be corrupt.
    function initialize(
        string calldata network_,
        bytes32 keyId_,
        bytes32 proofParametersId_,
        uint256 epoch,
        address[] calldata signers,
        uint256 threshold
    ) external initializer {
        bytes32 kind = keccak256(bytes(network_));
        if (kind != keccak256("dev") && kind != keccak256("production")) revert InvalidNetwork(network_);
        if (keyId_ == 0) revert InvalidKeyId();
        KeyRegistryStorage storage $ = _storage();
        ($.network, $.keyId, $.proofParametersId) = (network_, keyId_, proofParametersId_);
        emit NetworkSet(network_, keyId_, proofParametersId_);
        _activate(epoch, signers, threshold);
    }

    /// @inheritdoc IKeyRegistry
    function activateEpoch(address[] calldata signers, uint256 threshold) external onlyOwner returns (uint256 epoch) {
        epoch = currentEpoch() + 1;
        _activate(epoch, signers, threshold);
    }

    /// @inheritdoc IKeyRegistry
    function retireEpoch(uint256 epoch) external onlyOwner {
        if (thresholdOf(epoch) == 0) revert EpochNotActive(epoch);
        if (epoch == currentEpoch()) revert EpochIsCurrent(epoch);
        _storage().committees[epoch].retired = true;
        emit EpochRetired(epoch);
    }

    /// @inheritdoc IKeyRegistry
    function network() external view returns (string memory) {
        return _storage().network;
    }

    /// @inheritdoc IKeyRegistry
    function keyId() external view returns (bytes32) {
        return _storage().keyId;
    }

    /// @inheritdoc IKeyRegistry
    function proofParametersId() external view returns (bytes32) {
        return _storage().proofParametersId;
    }

    /// @inheritdoc IKeyRegistry
    function committee(uint256 epoch) external view returns (address[] memory signers, uint256 threshold) {
        threshold = thresholdOf(epoch);
        if (threshold != 0) signers = _storage().committees[epoch].signers;
    }

    /// @inheritdoc IKeyRegistry
    function positionOf(uint256 epoch, address signer) external view returns (uint256) {
        return thresholdOf(epoch) == 0 ? 0 : _storage().committees[epoch].position[signer];
    }

    /// @inheritdoc IKeyRegistry
    function getACLAddress() external view returns (address) {
        return acl;
    }

    /// @inheritdoc IKeyRegistry
    function getDecryptionVerifierAddress() external view returns (address) {
        return decryptionVerifier;
    }

    /// @inheritdoc IKeyRegistry
    function currentEpoch() public view returns (uint256) {
        return _storage().currentEpoch;
    }

    /// @inheritdoc IKeyRegistry
    function thresholdOf(uint256 epoch) public view returns (uint256) {
        Committee storage c = _storage().committees[epoch];
        return c.retired ? 0 : c.threshold;
    }

    /// @notice Name and version of this implementation.
    function getVersion() external pure returns (string memory) {
        return "KeyRegistry v0.1.0";
    }

    function _activate(uint256 epoch, address[] calldata signers, uint256 threshold) private {
        if (threshold == 0 || threshold > signers.length || signers.length > MAX_SIGNERS) revert InvalidCommittee();
        Committee storage c = _storage().committees[epoch];
        for (uint256 i = 0; i < signers.length; i++) {
            if (signers[i] == address(0) || c.position[signers[i]] != 0) revert InvalidCommittee();
            c.position[signers[i]] = i + 1;
        }
        (c.signers, c.threshold) = (signers, threshold);
        _storage().currentEpoch = epoch;
        emit EpochActivated(epoch, signers, threshold);
    }

    function _storage() private pure returns (KeyRegistryStorage storage $) {
        assembly ("memory-safe") {
            $.slot := STORAGE
        }
    }
}
