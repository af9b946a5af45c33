// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {FHEVMConfig} from "fhevm-contracts/config/FHEVMConfig.sol";
import {FHE, ebool, euint64} from "fhevm-contracts/lib/FHE.sol";
import {IERC7984, IERC7984Receiver} from "./IERC7984.sol";

/// @title Grants of a confidential token that are paid in sixteen equal instalments
/// @notice Everyone sees who gets a grant and when instalments are due; funder and beneficiary alone see how much. Nobody
/// takes a grant back.
/// @dev How many instalments are due follows from the clock and is public, so it is computed in the clear. Sixteen make
/// the division a shift: 32 bootstraps, where an encrypted division by another constant takes 859.
contract ConfidentialVesting is IERC7984Receiver, FHEVMConfig {
    using FHE for ebool;
    using FHE for euint64;

    struct Grant {
        address beneficiary;
        uint64 start; // Unix time
        uint64 period; // seconds
        uint64 paid; // instalments
        euint64 instalment;
        euint64 rest; // what has not been paid
    }

    uint64 private constant INSTALMENTS = 16;
    uint8 private constant LOG2_INSTALMENTS = 4;

    IERC7984 public immutable token;

    /// @notice Grants by number.
    Grant[] public grants;

    event Granted(uint256 indexed id, address indexed funder, address indexed beneficiary);
    event Released(uint256 indexed id, uint64 instalments);

    error NotTheToken(address sender);
    error NoSuchGrant(uint256 id);

    /// @notice Send as data abi.encode(beneficiary, start, period): an address other than 0, a uint64, a uint64 other than 0.
    error InvalidGrant();

    /// @notice The next instalment is due at this Unix time; all are paid if it is 0.
    error NothingDue(uint256 next);

    constructor(IERC7984 token_) {
        token = token_;
    }

    /// @notice Makes a grant of what arrives by `confidentialTransferAndCall`, with `data` the ABI encoding of
    /// beneficiary (address), start (uint64) and seconds between instalments (uint64). The first is due one period after
    /// the start. A funder who could not pay makes a grant of zero, which only it and the beneficiary see.
    function onConfidentialTransferReceived(address, address from, euint64 amount, bytes calldata data)
        external
        returns (ebool)
    {
        if (msg.sender != address(token)) revert NotTheToken(msg.sender);
        (address beneficiary, uint64 start, uint64 period) = _terms(data);
        euint64 instalment = amount.shr(LOG2_INSTALMENTS).allowBoth(beneficiary).allow(from);
        amount.allowBoth(beneficiary); // the token may have lent it for this transaction only
        emit Granted(grants.length, from, beneficiary);
        grants.push(Grant(beneficiary, start, period, 0, instalment, amount));
        return FHE.asEbool(true).allowTransient(msg.sender);
    }

    /// @notice Pays the beneficiary what is due. Anyone may call. The last instalment takes what the division left.
    function release(uint256 id) external {
        if (id >= grants.length) revert NoSuchGrant(id);
        Grant storage grant = grants[id];
        uint64 due = _passed(grant) - grant.paid;
        if (due == 0) revert NothingDue(_nextDue(grant));
        grant.paid += due;
        euint64 rest = grant.rest;
        euint64 payment = grant.paid == INSTALMENTS ? rest : grant.instalment.mul(due);
        grant.rest = rest.sub(payment).allowBoth(grant.beneficiary);
        emit Released(id, due);
        token.confidentialTransfer(grant.beneficiary, payment.allowTransient(address(token)));
    }

    /// @dev Read as whole words, since abi.decode says nothing of what it rejects.
    function _terms(bytes calldata data) private pure returns (address, uint64, uint64) {
        if (data.length != 96) revert InvalidGrant();
        (uint256 beneficiary, uint256 start, uint256 period) = abi.decode(data, (uint256, uint256, uint256));
        if (beneficiary == 0 || beneficiary > type(uint160).max) revert InvalidGrant();
        if (start > type(uint64).max || period == 0 || period > type(uint64).max) revert InvalidGrant();
        return (address(uint160(beneficiary)), uint64(start), uint64(period));
    }

    /// @dev The instalments due up to now, paid or not.
    function _passed(Grant storage grant) private view returns (uint64) {
        if (block.timestamp <= grant.start) return 0;
        uint256 periods = (block.timestamp - grant.start) / grant.period;
        return periods < INSTALMENTS ? uint64(periods) : INSTALMENTS;
    }

    function _nextDue(Grant storage grant) private view returns (uint256) {
        if (grant.paid == INSTALMENTS) return 0;
        return uint256(grant.start) + (uint256(grant.paid) + 1) * grant.period;
    }
}
