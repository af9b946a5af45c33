// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IACL} from "../lib/IACL.sol";
import {Rights} from "./Rights.sol";

/// @title Who may decrypt on behalf of a user
abstract contract Delegations is Rights {
    struct Delegation {
        uint64 expirationDate;
        uint64 lastBlock;
        uint64 counter;
    }

    /// @custom:storage-location erc7201:fhevm.storage.Delegations
    struct DelegationsStorage {
        mapping(address delegator => mapping(address delegate => mapping(address contractAddress => Delegation))) delegations;
    }

    bytes32 private constant STORAGE = 0xfc45ce355fa1aa0fda51e7a68ca8825fe955204c873076d88f75ff40ec9fab00;

    /// @notice Stands for all contracts in a delegation.
    address public constant WILDCARD_DELEGATION_ADDRESS = address(type(uint160).max);

    /// @inheritdoc IACL
    function delegateForUserDecryption(address delegate, address contractAddress, uint64 expirationDate)
        external
        whenNotPaused
    {
        Delegation storage d = _delegation(msg.sender, delegate, contractAddress);
        _once(d, delegate, contractAddress);
        if (contractAddress == msg.sender) revert SenderCannotBeContractAddress(contractAddress);
        if (delegate == msg.sender) revert SenderCannotBeDelegate(delegate);
        if (delegate == WILDCARD_DELEGATION_ADDRESS) revert DelegateCannotBeWildcard(delegate);
        if (delegate == contractAddress) revert DelegateCannotBeContractAddress(contractAddress);
        if (expirationDate <= block.timestamp) revert ExpirationDateInThePast();
        uint64 old = d.expirationDate;
        if (old == expirationDate) {
            revert ExpirationDateAlreadySetToSameValue(msg.sender, delegate, contractAddress, old);
        }
        d.expirationDate = expirationDate;
        emit DelegatedForUserDecryption(msg.sender, delegate, contractAddress, ++d.counter, old, expirationDate);
    }

    /// @inheritdoc IACL
    function revokeDelegationForUserDecryption(address delegate, address contractAddress) external {
        Delegation storage d = _delegation(msg.sender, delegate, contractAddress);
        _once(d, delegate, contractAddress);
        uint64 old = d.expirationDate;
        if (old == 0) revert NotDelegatedYet(msg.sender, delegate, contractAddress);
        d.expirationDate = 0;
        emit RevokedDelegationForUserDecryption(msg.sender, delegate, contractAddress, ++d.counter, old);
    }

    /// @inheritdoc IACL
    function getUserDecryptionDelegationExpirationDate(address delegator, address delegate, address contractAddress)
        public
        view
        returns (uint64)
    {
        return _delegation(delegator, delegate, contractAddress).expirationDate;
    }

    /// @inheritdoc IACL
    function isHandleDelegatedForUserDecryption(
        address delegator,
        address delegate,
        address contractAddress,
        bytes32 handle
    ) external view returns (bool) {
        // As in permits, whose contracts are neither of the two: one delegation is for all contracts.
        if (contractAddress == delegator || contractAddress == delegate) return false;
        return persistAllowed(handle, delegator) && persistAllowed(handle, contractAddress)
            && (_inForce(delegator, delegate, contractAddress)
                || _inForce(delegator, delegate, WILDCARD_DELEGATION_ADDRESS));
    }

    function _inForce(address delegator, address delegate, address contractAddress) private view returns (bool) {
        return getUserDecryptionDelegationExpirationDate(delegator, delegate, contractAddress) >= block.timestamp;
    }

    /// @dev One change of a triple a block, so that a block has one state of it.
    function _once(Delegation storage d, address delegate, address contractAddress) private {
        if (d.lastBlock == block.number) {
            revert AlreadyDelegatedOrRevokedInSameBlock(msg.sender, delegate, contractAddress, block.number);
        }
        d.lastBlock = uint64(block.number);
    }

    function _delegation(address delegator, address delegate, address contractAddress)
        private
        view
        returns (Delegation storage)
    {
        DelegationsStorage storage $;
        assembly ("memory-safe") {
            $.slot := STORAGE
        }
        return $.delegations[delegator][delegate][contractAddress];
    }
}
