// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {FHEVMConfig} from "fhevm-contracts/config/FHEVMConfig.sol";
import {FHE, euint16, euint8, externalEuint8} from "fhevm-contracts/lib/FHE.sol";

/// @title Validators rate each other under encryption, and only the sums open
/// @notice Everyone sees who rated, nobody whom how. Rates are 0 to 10, and a higher one counts as 10: whether it was
/// higher must not show. What a member gives itself does not count. A sum is of three rates or more: of fewer,
/// a rater could subtract its own and read the other. All raters of a member but one, together, still can.
contract ValidatorRanking is FHEVMConfig {
    using FHE for euint16;
    using FHE for euint8;

    uint8 private constant HIGHEST_RATE = 10;
    uint256 private constant FEWEST_BALLOTS = 4;

    /// @dev As many totals as the committee opens in one proof. A ballot takes 5.6 million gas then.
    uint256 private constant MOST_MEMBERS = 32;

    /// @notice The last second for ballots, Unix time.
    uint256 public immutable deadline;

    address[] public members;
    mapping(address member => bool) public hasRated;
    uint256 public ballots;
    bool public closed;

    /// @notice The sum of what the others gave each member, once it is published.
    uint16[] public sums;

    mapping(address account => bool) private isMember;
    euint16[] private totals;

    event Rated(address indexed member);

    /// @notice Everyone may now decrypt the totals.
    event Closed(euint16[] totals);
    event Published(uint16[] sums);

    /// @notice There are 4 to 32 members, each once.
    error InvalidMembers();
    error NotAMember(address account);
    error AlreadyRated(address member);
    error WrongNumberOfRates(uint256 given, uint256 wanted);

    /// @notice Ballots are taken until the deadline, and counted after it.
    error WrongTime(uint256 time, uint256 deadline);
    error TooFewBallots(uint256 ballots);
    error AlreadyClosed();
    error NothingToPublish();

    /// @notice Call publish first.
    error NotPublished();

    constructor(address[] memory members_, uint256 duration) {
        if (members_.length < FEWEST_BALLOTS || members_.length > MOST_MEMBERS) revert InvalidMembers();
        for (uint256 i = 0; i < members_.length; i++) {
            if (isMember[members_[i]]) revert InvalidMembers();
            isMember[members_[i]] = true;
            totals.push(FHE.asEuint16(0).allowThis());
        }
        (members, deadline) = (members_, block.timestamp + duration);
    }

    /// @notice Rates all members, in their order and in one input list.
    function rate(externalEuint8[] calldata rates, bytes calldata proof) external {
        if (!isMember[msg.sender]) revert NotAMember(msg.sender);
        if (hasRated[msg.sender]) revert AlreadyRated(msg.sender);
        if (block.timestamp > deadline) revert WrongTime(block.timestamp, deadline);
        if (rates.length != members.length) revert WrongNumberOfRates(rates.length, members.length);
        hasRated[msg.sender] = true;
        ballots++;
        for (uint256 i = 0; i < rates.length; i++) {
            if (members[i] == msg.sender) continue;
            euint8 counted = FHE.fromExternal(rates[i], proof).min(HIGHEST_RATE);
            totals[i] = totals[i].add(counted).allowThis();
        }
        emit Rated(msg.sender);
    }

    /// @notice Lets everyone decrypt the totals, after the deadline.
    function close() external {
        if (closed) revert AlreadyClosed();
        if (block.timestamp <= deadline) revert WrongTime(block.timestamp, deadline);
        if (ballots < FEWEST_BALLOTS) revert TooFewBallots(ballots);
        closed = true;
        for (uint256 i = 0; i < totals.length; i++) {
            totals[i].makePubliclyDecryptable();
        }
        emit Closed(totals);
    }

    /// @notice Stores what the totals decrypt to, once. Anyone may call.
    /// @param proof The committee's signatures on all sums.
    function publish(uint16[] calldata sums_, bytes calldata proof) external {
        if (!closed || sums.length != 0) revert NothingToPublish();
        bytes32[] memory handles = new bytes32[](totals.length);
        for (uint256 i = 0; i < handles.length; i++) {
            handles[i] = totals[i].toBytes32();
        }
        FHE.checkSignatures(handles, abi.encodePacked(sums_), proof);
        sums = sums_;
        emit Published(sums_);
    }

    /// @notice A published member's mean rate in thousandths: a member that rated has one rater fewer.
    function meanRate(uint256 index) external view returns (uint256) {
        if (sums.length == 0) revert NotPublished();
        uint256 raters = hasRated[members[index]] ? ballots - 1 : ballots;
        return uint256(sums[index]) * 1000 / raters;
    }

    /// @notice The encrypted sums.
    function encryptedTotals() external view returns (euint16[] memory) {
        return totals;
    }
}
