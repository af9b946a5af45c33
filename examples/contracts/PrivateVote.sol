// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {FHEVMConfig} from "fhevm-contracts/config/FHEVMConfig.sol";
import {FHE, ebool, euint16, euint8, externalEuint8} from "fhevm-contracts/lib/FHE.sol";

/// @title A vote among several options, of which only the tally opens
/// @notice Everyone sees who voted, and of how no more than the tally tells. It tells everything where all votes are for
/// one option. A voter subtracts its own vote and reads the sum of the others', so the quorum is at least three: of
/// two, each would read the other. All voters but one, together, can still read the last one's vote; a higher quorum
/// makes that coalition larger. No tally opens in between, since the difference of two is a vote.
/// A voter can still prove a vote to a buyer, by what the wallet encrypted with; this contract does not prevent that.
contract PrivateVote is FHEVMConfig {
    using FHE for ebool;
    using FHE for euint16;
    using FHE for euint8;

    enum Standing {
        None,
        MayVote,
        HasVoted
    }

    uint256 private constant FEWEST_VOTES = 3;

    /// @dev As many tallies as the committee opens in one proof.
    uint256 private constant MOST_OPTIONS = 32;

    /// @dev With that many options, the constructor takes 15 million gas of the 16.7 that a transaction may have.
    uint256 private constant MOST_VOTERS = 500;

    /// @notice The last second of voting, Unix time.
    uint256 public immutable deadline;

    /// @notice The fewest votes of which a tally opens.
    uint256 public immutable quorum;

    uint256 public votes;
    mapping(address account => Standing) public standing;
    bool public closed;

    /// @notice The votes of each option, once they are published.
    uint16[] public results;

    euint16[] private tallies;

    event Voted(address indexed voter);

    /// @notice Everyone may now decrypt the tallies.
    event Closed(euint16[] tallies);
    event Published(uint16[] results);

    /// @notice There are 2 to 32 options, at most 500 voters, and a quorum of at least 3.
    error InvalidSetup();

    /// @notice The account is no voter, or has voted.
    error MayNotVote(address account, Standing standing);

    /// @notice Votes are taken until the deadline, and counted after it.
    error WrongTime(uint256 time, uint256 deadline);
    error QuorumNotReached(uint256 votes, uint256 quorum);
    error AlreadyClosed();
    error NothingToPublish();

    constructor(address[] memory voters, uint8 options, uint256 duration, uint256 quorum_) {
        if (options < 2 || options > MOST_OPTIONS) revert InvalidSetup();
        if (voters.length > MOST_VOTERS || quorum_ < FEWEST_VOTES) revert InvalidSetup();
        (deadline, quorum) = (block.timestamp + duration, quorum_);
        for (uint256 i = 0; i < voters.length; i++) {
            standing[voters[i]] = Standing.MayVote;
        }
        for (uint256 i = 0; i < options; i++) {
            tallies.push(FHE.asEuint16(0).allowThis());
        }
    }

    /// @notice Votes for an encrypted option, from 0 on. A number that is no option is a vote for none: whether it is
    /// one must not show, so nothing reverts.
    function vote(externalEuint8 option, bytes calldata proof) external {
        if (standing[msg.sender] != Standing.MayVote) revert MayNotVote(msg.sender, standing[msg.sender]);
        if (block.timestamp > deadline) revert WrongTime(block.timestamp, deadline);
        standing[msg.sender] = Standing.HasVoted;
        votes++;
        euint8 choice = FHE.fromExternal(option, proof);
        for (uint8 i = 0; i < tallies.length; i++) {
            tallies[i] = tallies[i].add(FHE.asEuint16(choice.eq(i))).allowThis();
        }
        emit Voted(msg.sender);
    }

    /// @notice Lets everyone decrypt the tallies, after the deadline.
    function close() external {
        if (closed) revert AlreadyClosed();
        if (block.timestamp <= deadline) revert WrongTime(block.timestamp, deadline);
        if (votes < quorum) revert QuorumNotReached(votes, quorum);
        closed = true;
        for (uint256 i = 0; i < tallies.length; i++) {
            tallies[i].makePubliclyDecryptable();
        }
        emit Closed(tallies);
    }

    /// @notice Stores what the tallies decrypt to, once. Anyone may call.
    /// @param proof The committee's signatures on all counts.
    function publish(uint16[] calldata counts, bytes calldata proof) external {
        if (!closed || results.length != 0) revert NothingToPublish();
        bytes32[] memory handles = new bytes32[](tallies.length);
        for (uint256 i = 0; i < handles.length; i++) {
            handles[i] = tallies[i].toBytes32();
        }
        FHE.checkSignatures(handles, abi.encodePacked(counts), proof);
        results = counts;
        emit Published(counts);
    }

    /// @notice The encrypted votes of each option.
    function encryptedTallies() external view returns (euint16[] memory) {
        return tallies;
    }
}
