// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title Which key, proof parameters and committee are in force
/// @notice Committees follow each other in epochs. The newest one is the current one; results that
/// older ones signed stay valid until the owner retires their epoch.
interface IKeyRegistry {
    /// @notice The network was set up, once: its kind, its FHE public key and its proof parameters.
    event NetworkSet(string network, bytes32 keyId, bytes32 proofParametersId);

    /// @notice `signers` form the committee from now on; `threshold` of them sign a result.
    event EpochActivated(uint256 indexed epoch, address[] signers, uint256 threshold);

    /// @notice What the committee of `epoch` signed is no longer accepted.
    event EpochRetired(uint256 indexed epoch);

    /// @notice A committee has 1 to 255 members, different from each other and from zero, and the
    /// threshold is at least 1 and at most their number.
    error InvalidCommittee();

    /// @notice The network is "dev" or "production".
    error InvalidNetwork(string network);

    /// @notice The key id is zero: pass that of the network's FHE public key.
    error InvalidKeyId();

    /// @notice There is no such epoch, or it was retired already.
    error EpochNotActive(uint256 epoch);

    /// @notice The current epoch cannot be retired: activate the next one first.
    error EpochIsCurrent(uint256 epoch);

    /// @notice "dev" or "production".
    function network() external view returns (string memory);

    /// @notice Identifies the FHE public key that wallets encrypt to.
    function keyId() external view returns (bytes32);

    /// @notice Identifies the parameters of input proofs; zero while the network has no proofs.
    function proofParametersId() external view returns (bytes32);

    /// @notice The newest epoch.
    function currentEpoch() external view returns (uint256);

    /// @notice The committee of an epoch and its quorum; nobody and 0 if the epoch is not active.
    function committee(uint256 epoch) external view returns (address[] memory signers, uint256 threshold);

    /// @notice The number of members that must sign a result of the epoch; 0 if it is not active.
    function thresholdOf(uint256 epoch) external view returns (uint256);

    /// @notice 1 more than the member's index in the epoch's committee, 0 for everyone else.
    function positionOf(uint256 epoch, address signer) external view returns (uint256);

    /// @notice The contract that keeps rights. It names the executor, and that the input verifier.
    function getACLAddress() external view returns (address);

    /// @notice The contract that checks the committee's results.
    function getDecryptionVerifierAddress() external view returns (address);

    /// @notice Makes a committee the current one. Only the owner may.
    /// @return epoch One more than the last.
    function activateEpoch(address[] calldata signers, uint256 threshold) external returns (uint256 epoch);

    /// @notice Ends the validity of what an older committee signed, for ever. Only the owner may.
    function retireEpoch(uint256 epoch) external;
}
