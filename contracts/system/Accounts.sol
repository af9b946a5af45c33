// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Ownable2StepUpgradeable} from "@openzeppelin/contracts-upgradeable/access/Ownable2StepUpgradeable.sol";
import {PausableUpgradeable} from "@openzeppelin/contracts-upgradeable/utils/PausableUpgradeable.sol";
import {IACL} from "../lib/IACL.sol";

/// @title What the network keeps of each account: denied, pauser, void permits
/// @dev One storage slot each, which every call on behalf of the account reads anyway.
abstract contract Accounts is IACL, Ownable2StepUpgradeable, PausableUpgradeable {
    struct Account {
        // From 1 on, in the order of first persistent rights; 0 for an account that never had one.
        uint48 id;
        uint64 invalidatedBefore;
        bool denied;
        bool pauser;
    }

    /// @custom:storage-location erc7201:fhevm.storage.Accounts
    struct AccountsStorage {
        mapping(address account => Account) accounts;
        uint48 lastId;
    }

    bytes32 private constant STORAGE = 0xe87765f603d9d1b8eda35fdfb7d992ff16879c88a1fe18c9b25bafae8c5cf100;

    /// @dev How far ahead a user may void permits: a slip must not lock a user out for good.
    uint256 private constant HORIZON = 365 days;

    /// @notice Puts an account on the deny list: it can share no rights and gets none on new
    /// results, and the committee decrypts nothing for it. Only the owner may.
    function blockAccount(address account) external onlyOwner {
        Account storage a = _account(account);
        if (a.denied) revert AccountAlreadyBlocked(account);
        a.denied = true;
        emit BlockedAccount(account);
    }

    /// @notice Takes an account off the deny list. Only the owner may.
    function unblockAccount(address account) external onlyOwner {
        Account storage a = _account(account);
        if (!a.denied) revert AccountNotBlocked(account);
        a.denied = false;
        emit UnblockedAccount(account);
    }

    /// @notice Lets an account pause the network. Only the owner may.
    function addPauser(address account) external onlyOwner {
        Account storage a = _account(account);
        if (a.pauser) revert AccountAlreadyPauser(account);
        a.pauser = true;
        emit AddPauser(account);
    }

    /// @notice No longer lets an account pause the network. Only the owner may.
    function removePauser(address account) external onlyOwner {
        Account storage a = _account(account);
        if (!a.pauser) revert AccountNotPauser(account);
        a.pauser = false;
        emit RemovePauser(account);
    }

    /// @notice Stops new rights, and with them new operations, and all decryptions. A pauser may.
    function pause() external {
        if (!isPauser(msg.sender)) revert NotPauser(msg.sender);
        _pause();
    }

    /// @notice Ends a pause. Only the owner may.
    function unpause() external onlyOwner {
        _unpause();
    }

    /// @inheritdoc IACL
    function invalidateDecryptionSignaturesBefore(uint256 timestamp) external {
        Account storage a = _account(msg.sender);
        uint256 before = timestamp == 0 ? block.timestamp : timestamp;
        uint256 latest = block.timestamp + HORIZON;
        if (before > latest) revert InvalidationTooLate(before, latest);
        if (before <= a.invalidatedBefore) revert InvalidationNotLater(before, a.invalidatedBefore);
        a.invalidatedBefore = uint64(before);
        emit DecryptionSignaturesInvalidated(msg.sender, before);
    }

    /// @notice Refused: the network cannot be left without an owner.
    function renounceOwnership() public view override onlyOwner {
        revert OwnershipCannotBeRenounced();
    }

    /// @notice Whether `account` may pause the network.
    function isPauser(address account) public view returns (bool) {
        return _account(account).pauser;
    }

    /// @inheritdoc IACL
    function isAccountDenied(address account) public view returns (bool) {
        return _account(account).denied;
    }

    /// @inheritdoc IACL
    function decryptionSignatureInvalidatedBefore(address account) external view returns (uint256) {
        return _account(account).invalidatedBefore;
    }

    /// @dev The account's number, 0 if it has none. Reverts if the account is denied.
    function _admit(address account) internal view returns (uint256) {
        Account storage a = _account(account);
        (uint256 id, bool denied) = (a.id, a.denied); // side by side they are one read
        if (denied) revert SenderDenied(account);
        return id;
    }

    /// @dev The account's number, 0 if it has none.
    function _idOf(address account) internal view returns (uint256) {
        return _account(account).id;
    }

    /// @dev The account's number, given now if it has none. There are more numbers than gas.
    function _enrol(address account) internal returns (uint256 id) {
        Account storage a = _account(account);
        id = a.id;
        if (id == 0) a.id = uint48(id = ++_accountsStorage().lastId);
    }

    function _account(address account) private view returns (Account storage) {
        return _accountsStorage().accounts[account];
    }

    function _accountsStorage() private pure returns (AccountsStorage storage $) {
        assembly ("memory-safe") {
            $.slot := STORAGE
        }
    }
}
