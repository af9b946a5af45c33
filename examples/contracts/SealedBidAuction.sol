// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {FHEVMConfig} from "fhevm-contracts/config/FHEVMConfig.sol";
import {FHE, ebool, euint32, euint64} from "fhevm-contracts/lib/FHE.sol";
import {IERC7984, IERC7984Receiver} from "./IERC7984.sol";

/// @title A sealed-bid auction, paid in a confidential token
/// @notice A bid is a transfer to this contract by `confidentialTransferAndCall`, so it is covered by what was sent
/// and no bidder gives the auction power over other tokens. Sending more raises the bid. Everyone sees who bids;
/// the highest bid and its bidder are chosen under encryption and opened after the deadline, no other bid ever is.
/// A bid that its sender could not pay is a bid of zero, which never wins.
/// @dev The bidder stands in the result as a number of 32 bits, whose choice costs 32 bootstraps; an eaddress would
/// cost 160.
contract SealedBidAuction is IERC7984Receiver, FHEVMConfig {
    using FHE for ebool;
    using FHE for euint32;
    using FHE for euint64;

    /// @notice Bidding; closed, with the result open to everyone; and settled, so that everyone withdraws.
    enum Phase {
        Open,
        Closed,
        Settled
    }

    IERC7984 public immutable token;
    address public immutable seller;

    /// @notice The last second of bidding, Unix time.
    uint256 public immutable deadline;

    Phase public phase;

    /// @notice Who won, zero as long as nobody did, and what the seller gets.
    address public winner;
    uint64 public price;

    /// @notice The highest bid and the number of its bidder, from 1 on; 0 stands for nobody.
    euint64 public highest;
    euint32 public leader;

    address[] private bidders;
    mapping(address bidder => uint32) private numbers;
    mapping(address bidder => euint64) private deposits;

    event Bid(address indexed bidder);
    event Closed(euint32 leader, euint64 highest);
    event Settled(address indexed winner, uint64 price);

    error NotTheToken(address sender);
    error WrongPhase(Phase phase);

    /// @notice Bids are taken until the deadline, and results are opened after it.
    error WrongTime(uint256 time, uint256 deadline);

    /// @notice The sender has no deposit here, or took it back, or paid with it.
    error NothingToWithdraw(address sender);

    modifier during(Phase wanted) {
        if (phase != wanted) revert WrongPhase(phase);
        _;
    }

    constructor(IERC7984 token_, uint256 duration) {
        (token, seller, deadline) = (token_, msg.sender, block.timestamp + duration);
        highest = FHE.asEuint64(0).allowThis();
        leader = FHE.asEuint32(0).allowThis();
    }

    /// @notice What `bidder` has bid, which it may decrypt. The seller's includes the price, once it is settled.
    function depositOf(address bidder) external view returns (euint64) {
        return deposits[bidder];
    }

    /// @notice Counts `amount` to the bid of `from`. Of equal bids the earliest wins.
    /// @dev Only the token can say what has really arrived.
    function onConfidentialTransferReceived(address, address from, euint64 amount, bytes calldata)
        external
        during(Phase.Open)
        returns (ebool)
    {
        if (msg.sender != address(token)) revert NotTheToken(msg.sender);
        if (block.timestamp > deadline) revert WrongTime(block.timestamp, deadline);
        euint64 bid = deposits[from].add(amount);
        deposits[from] = bid.allowBoth(from);
        ebool higher = bid.gt(highest);
        highest = higher.select(bid, highest).allowThis();
        leader = higher.select(FHE.asEuint32(_number(from)), leader).allowThis();
        emit Bid(from);
        return FHE.asEbool(true).allowTransient(msg.sender);
    }

    /// @notice Ends the bidding after the deadline: everyone may now decrypt the highest bid and who made it.
    function close() external during(Phase.Open) {
        if (block.timestamp <= deadline) revert WrongTime(block.timestamp, deadline);
        phase = Phase.Closed;
        emit Closed(leader.makePubliclyDecryptable(), highest.makePubliclyDecryptable());
    }

    /// @notice Makes the highest bid the seller's. Anyone may call, once, with what `leader` and `highest` decrypt to.
    /// @dev Nothing is sent here: a token that refuses the seller would lock up everybody's deposit.
    /// @param proof The committee's signatures on both values.
    function settle(uint32 number, uint64 amount, bytes calldata proof) external during(Phase.Closed) {
        phase = Phase.Settled;
        bytes32[] memory handles = new bytes32[](2);
        (handles[0], handles[1]) = (leader.toBytes32(), highest.toBytes32());
        FHE.checkSignatures(handles, abi.encode(number, amount), proof);
        if (number != 0) winner = bidders[number - 1];
        price = amount;
        deposits[winner] = euint64.wrap(0);
        deposits[seller] = deposits[seller].add(highest).allowBoth(seller);
        emit Settled(winner, amount);
    }

    /// @notice Sends the price to the seller, and to others their deposit, unless it paid for the winning bid.
    function withdraw() external during(Phase.Settled) {
        euint64 deposit = deposits[msg.sender];
        if (!deposit.isInitialized()) revert NothingToWithdraw(msg.sender);
        deposits[msg.sender] = euint64.wrap(0);
        token.confidentialTransfer(msg.sender, deposit.allowTransient(address(token)));
    }

    function _number(address bidder) private returns (uint32) {
        if (numbers[bidder] == 0) {
            bidders.push(bidder);
            numbers[bidder] = uint32(bidders.length);
        }
        return numbers[bidder];
    }
}
