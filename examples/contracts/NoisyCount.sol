// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {FHEVMConfig} from "fhevm-contracts/config/FHEVMConfig.sol";
import {FHE, ebool, euint16, euint256, externalEbool} from "fhevm-contracts/lib/FHE.sol";

/// @title A count of yes among encrypted answers, opened with differential privacy
/// @notice Noise is drawn under encryption and added before anything opens, so nobody ever knows the exact count. The
/// noise is the number of heads among 256 fair coins, less 128: standard deviation 8.
///
/// The guarantee, for one account whose answer is changed or left out and with all others known: what opens is
/// (epsilon, delta)-differentially private for (0.5, 1.5e-6) and for (1, 6.3e-16). That holds for one count; k counts
/// of the same answers add up their epsilons and deltas, so this contract opens one. It does not hide who
/// answered, nor protect a person who answers from two accounts as one. It rests on the encryption and on the committee:
/// t+1 colluding members can read the noise as well as the answers.
contract NoisyCount is FHEVMConfig {
    using FHE for euint16;
    using FHE for euint256;

    enum Phase {
        Open,
        Released,
        Published
    }

    /// @notice Half the number of coins, which the mean of the noise is.
    int256 private constant MEAN = 128;

    /// @notice With the noise, they fit 16 bits.
    uint16 private constant MOST_ANSWERS = 60_000;

    /// @notice The last second for answers, Unix time.
    uint256 public immutable deadline;

    Phase public phase;
    mapping(address account => bool) public hasAnswered;

    /// @notice The count with its noise, once it is published; it may be negative.
    int256 public estimate;

    /// @notice The count, the noise and 128 more, once they are released.
    euint16 public noisy;

    euint16 private count;
    uint16 private answers;

    event Answered(address indexed account);
    event Released(euint16 noisy);
    event Published(int256 estimate);

    error WrongPhase(Phase phase);
    error AlreadyAnswered(address account);
    error TooManyAnswers();

    /// @notice Answers are taken until the deadline, and counted after it.
    error WrongTime(uint256 time, uint256 deadline);

    modifier during(Phase wanted) {
        if (phase != wanted) revert WrongPhase(phase);
        _;
    }

    constructor(uint256 duration) {
        deadline = block.timestamp + duration;
    }

    /// @notice Counts an encrypted yes or no, one of each account. As the answer is a bit, no account can count twice.
    function answer(externalEbool yes, bytes calldata proof) external during(Phase.Open) {
        if (block.timestamp > deadline) revert WrongTime(block.timestamp, deadline);
        if (answers == MOST_ANSWERS) revert TooManyAnswers();
        if (hasAnswered[msg.sender]) revert AlreadyAnswered(msg.sender);
        hasAnswered[msg.sender] = true;
        answers++;
        count = count.add(FHE.asEuint16(FHE.fromExternal(yes, proof))).allowThis();
        emit Answered(msg.sender);
    }

    /// @notice Adds the noise, and lets everyone decrypt the sum. Once: the mean of several would wear the noise off.
    function release() external during(Phase.Open) {
        if (block.timestamp <= deadline) revert WrongTime(block.timestamp, deadline);
        phase = Phase.Released;
        noisy = count.add(FHE.randEuint256().countOnes()).allowThis().makePubliclyDecryptable();
        emit Released(noisy);
    }

    /// @notice Stores the estimate. Anyone may call, once, with what `noisy` decrypts to.
    /// @param proof The committee's signatures on `value`.
    function publish(uint16 value, bytes calldata proof) external during(Phase.Released) {
        phase = Phase.Published;
        bytes32[] memory handles = new bytes32[](1);
        handles[0] = noisy.toBytes32();
        FHE.checkSignatures(handles, abi.encode(value), proof);
        estimate = int256(uint256(value)) - MEAN;
        emit Published(estimate);
    }
}
