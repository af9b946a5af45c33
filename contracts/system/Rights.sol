// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IACL} from "../lib/IACL.sol";
import {Accounts} from "./Accounts.sol";
import {tload, tstore} from "./Transient.sol";

/// @title Who holds a right on a handle
/// @dev A handle's first five holders share one storage slot, by their 48-bit numbers: nearly every
/// value has two, its contract and a user, and a new slot is the dearest part of a transfer.
abstract contract Rights is Accounts {
    /// @custom:storage-location erc7201:fhevm.storage.Rights
    struct RightsStorage {
        // Bit 255: everyone may decrypt. Below bit 240: the numbers of the first holders, 0 for none.
        mapping(bytes32 handle => uint256) first;
        mapping(bytes32 handle => mapping(address account => bool)) further;
    }

    bytes32 private constant STORAGE = 0xc8e6062e520044cc2cb0b0cb7bae11db49b8e031476dbf66c61a4a129bcd9c00;

    uint256 private constant PUBLIC = 1 << 255;
    uint256 private constant WIDTH = 48;
    uint256 private constant END = 5 * WIDTH;
    uint256 private constant MASK = (1 << WIDTH) - 1;

    /// @dev The transient slot that counts calls of cleanTransientStorage.
    bytes32 private constant CLEANINGS = 0;

    address internal immutable executor;

    /// @notice As in the executor, which passes it on.
    error ACLNotAllowed(bytes32 handle, address account);

    /// @notice Only the executor settles operations.
    error SenderNotExecutor(address sender);

    constructor(address executor_) {
        executor = executor_;
    }

    /// @inheritdoc IACL
    function allow(bytes32 handle, address account) external whenNotPaused {
        _requireNotDenied(msg.sender);
        _requireRight(handle);
        _grant(handle, account);
        emit Allowed(msg.sender, account, handle);
    }

    /// @inheritdoc IACL
    function allowTransient(bytes32 handle, address account) external whenNotPaused {
        if (msg.sender == executor) {
            _requireNotDenied(account);
        } else {
            _requireNotDenied(msg.sender);
            _requireRight(handle);
        }
        tstore(_slot(handle, _holder(account)), 1);
    }

    /// @notice Ends an operation that `account` ordered: it needs a right on each of `operands` but those
    /// whose bit is set in `clear`, and gets one on each of `results` for the transaction. Only the
    /// executor calls this.
    function settle(address account, bytes32[] calldata operands, uint256 clear, bytes32[] calldata results)
        external
        whenNotPaused
    {
        if (msg.sender != executor) revert SenderNotExecutor(msg.sender);
        _requireNotDenied(account);
        uint256 holder = _holder(account);
        for (uint256 i = 0; i < operands.length; i++) {
            bytes32 handle = operands[i];
            if ((clear >> i) & 1 == 1 || tload(_slot(handle, holder)) != 0) continue;
            if (!persistAllowed(handle, account)) revert ACLNotAllowed(handle, account);
        }
        for (uint256 i = 0; i < results.length; i++) {
            tstore(_slot(results[i], holder), 1);
        }
    }

    /// @inheritdoc IACL
    function allowForDecryption(bytes32[] calldata handlesList) external whenNotPaused {
        if (handlesList.length == 0) revert HandlesListIsEmpty();
        _requireNotDenied(msg.sender);
        for (uint256 i = 0; i < handlesList.length; i++) {
            _requireRight(handlesList[i]);
            _rights().first[handlesList[i]] |= PUBLIC;
        }
        emit AllowedForDecryption(msg.sender, handlesList);
    }

    /// @inheritdoc IACL
    function cleanTransientStorage() external {
        tstore(CLEANINGS, tload(CLEANINGS) + 1);
    }

    /// @inheritdoc IACL
    function isAllowed(bytes32 handle, address account) public view returns (bool) {
        return allowedTransient(handle, account) || persistAllowed(handle, account);
    }

    /// @inheritdoc IACL
    function allowedTransient(bytes32 handle, address account) public view returns (bool) {
        return tload(_slot(handle, _holder(account))) != 0;
    }

    /// @inheritdoc IACL
    function persistAllowed(bytes32 handle, address account) public view returns (bool) {
        uint256 id = _idOf(account);
        if (id == 0) return false;
        (bool found, uint256 at) = _find(_rights().first[handle], id);
        return found || (at == END && _rights().further[handle][account]);
    }

    /// @inheritdoc IACL
    function isAllowedForDecryption(bytes32 handle) external view returns (bool) {
        return _rights().first[handle] & PUBLIC != 0;
    }

    /// @notice The executor, which may give transient rights on any handle.
    function getFHEVMExecutorAddress() external view returns (address) {
        return executor;
    }

    function _requireRight(bytes32 handle) private view {
        if (!isAllowed(handle, msg.sender)) revert SenderNotAllowed(msg.sender);
    }

    function _grant(bytes32 handle, address account) private {
        uint256 first = _rights().first[handle];
        uint256 id = _enrol(account);
        (bool found, uint256 at) = _find(first, id);
        if (found) return;
        if (at == END) _rights().further[handle][account] = true;
        else _rights().first[handle] = first | (id << at);
    }

    /// @dev Whether `id` is among the first holders, else the first free place: END if there is none.
    function _find(uint256 first, uint256 id) private pure returns (bool found, uint256 at) {
        for (; at < END; at += WIDTH) {
            uint256 holder = (first >> at) & MASK;
            if (holder == id) return (true, at);
            if (holder == 0) return (false, at);
        }
    }

    /// @dev The account since the last cleaning: a right from before has another slot, and no cleaning
    /// is undone but with its whole call.
    function _holder(address account) private view returns (uint256) {
        return (tload(CLEANINGS) << 160) | uint160(account);
    }

    /// @dev The transient slot of a right: Keccak-256(handle | holder).
    function _slot(bytes32 handle, uint256 holder) private pure returns (bytes32 slot) {
        assembly ("memory-safe") {
            mstore(0, handle)
            mstore(32, holder)
            slot := keccak256(0, 64)
        }
    }

    function _rights() private pure returns (RightsStorage storage $) {
        assembly ("memory-safe") {
            $.slot := STORAGE
        }
    }
}
