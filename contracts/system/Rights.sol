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
    // Written out, since the compiler would compute them at run time.
    uint256 private constant END = 240; // 5 * WIDTH
    uint256 private constant MASK = 0xffffffffffff;
    uint256 private constant FIRST = 0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff;
    uint256 private constant LAST = 0xffffffffffff000000000000000000000000000000000000000000000000;

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
        _requireRight(handle, _admit(msg.sender), _holder(msg.sender));
        uint256 first = _rights().first[handle];
        uint256 next = _join(first, handle, account, _enrol(account));
        if (next != first) _rights().first[handle] = next;
        emit Allowed(msg.sender, account, handle);
    }

    /// @inheritdoc IACL
    function allowBoth(bytes32 handle, address account) external whenNotPaused {
        uint256 id = _admit(msg.sender);
        _requireRight(handle, id, _holder(msg.sender));
        if (id == 0) id = _enrol(msg.sender);
        uint256 first = _rights().first[handle];
        uint256 next = _join(first, handle, msg.sender, id);
        next = _join(next, handle, account, _enrol(account));
        if (next != first) _rights().first[handle] = next;
        emit Allowed(msg.sender, msg.sender, handle);
        emit Allowed(msg.sender, account, handle);
    }

    /// @inheritdoc IACL
    function allowTransient(bytes32 handle, address account) external whenNotPaused {
        uint256 cleanings = tload(CLEANINGS);
        if (msg.sender == executor) {
            _admit(account);
        } else {
            _requireRight(handle, _admit(msg.sender), _holder(msg.sender, cleanings));
        }
        _lend(handle, _holder(account, cleanings));
    }

    /// @notice Ends an operation that `account` ordered: it needs a right on each operand but those whose bit
    /// is set in `clear`, and gets one on each result for the transaction. Only the executor calls this.
    /// @dev Behind the arguments stand as many operands as `operands` says, 32 bytes each, then handle and
    /// digest of each result, 64 bytes: two arrays would cost 450 gas more to decode. The name's selector is the
    /// ACL's lowest, which the compiler's dispatch tries first, at 22 gas for each before it.
    function settleOperation(address account, uint256 clear, uint256 operands) external whenNotPaused {
        if (msg.sender != executor) revert SenderNotExecutor(msg.sender);
        uint256 id = _admit(account);
        uint256 holder = _holder(account);
        unchecked {
            uint256 at = 100;
            uint256 end = at + 32 * operands;
            for (; at < end; at += 32) {
                bytes32 handle = _argument(at);
                if (clear & 1 == 0 && !_borrows(handle, holder) && !_holds(handle, id, account)) {
                    revert ACLNotAllowed(handle, account);
                }
                clear >>= 1;
            }
            for (; at < msg.data.length; at += 64) {
                _lend(_argument(at), holder);
            }
        }
    }

    /// @inheritdoc IACL
    function allowForDecryption(bytes32[] calldata handlesList) external whenNotPaused {
        if (handlesList.length == 0) revert HandlesListIsEmpty();
        uint256 id = _admit(msg.sender);
        uint256 holder = _holder(msg.sender);
        for (uint256 i = 0; i < handlesList.length; i++) {
            _requireRight(handlesList[i], id, holder);
            _rights().first[handlesList[i]] |= PUBLIC;
        }
        emit AllowedForDecryption(msg.sender, handlesList);
    }

    /// @inheritdoc IACL
    function cleanTransientStorage() external {
        tstore(CLEANINGS, tload(CLEANINGS) + 1);
    }

    /// @inheritdoc IACL
    function isAllowed(bytes32 handle, address account) external view returns (bool) {
        return _borrows(handle, _holder(account)) || _holds(handle, _idOf(account), account);
    }

    /// @inheritdoc IACL
    function allowedTransient(bytes32 handle, address account) external view returns (bool) {
        return _borrows(handle, _holder(account));
    }

    /// @inheritdoc IACL
    function persistAllowed(bytes32 handle, address account) public view returns (bool) {
        return _holds(handle, _idOf(account), account);
    }

    /// @inheritdoc IACL
    function isAllowedForDecryption(bytes32 handle) external view returns (bool) {
        return _rights().first[handle] & PUBLIC != 0;
    }

    /// @notice The executor, which may give transient rights on any handle.
    function getFHEVMExecutorAddress() external view returns (address) {
        return executor;
    }

    /// @dev Requires a right of the sender, whose number is `id` and whose transient rights are `holder`'s.
    function _requireRight(bytes32 handle, uint256 id, uint256 holder) private view {
        if (!_borrows(handle, holder) && !_holds(handle, id, msg.sender)) revert SenderNotAllowed(msg.sender);
    }

    /// @dev Whether `account`, whose number is `id`, holds a persistent right.
    function _holds(bytes32 handle, uint256 id, address account) private view returns (bool) {
        uint256 first = _rights().first[handle];
        for (uint256 rest = first & FIRST; rest != 0; rest >>= WIDTH) {
            if (rest & MASK == id) return true;
        }
        return first & LAST != 0 && _rights().further[handle][account];
    }

    /// @dev The first holders with `account`, whose number is `id`, among them. Where they are five others, it
    /// becomes a further one.
    function _join(uint256 first, bytes32 handle, address account, uint256 id) private returns (uint256) {
        uint256 rest = first & FIRST;
        for (uint256 at = 0; at < END; at += WIDTH) {
            if (rest == 0) return first | (id << at);
            if (rest & MASK == id) return first;
            rest >>= WIDTH;
        }
        _rights().further[handle][account] = true;
        return first;
    }

    /// @dev The word at byte `at` of the calldata.
    function _argument(uint256 at) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := calldataload(at)
        }
    }

    /// @dev The account since the last cleaning: a right from before has another slot, and no cleaning
    /// is undone but with its whole call.
    function _holder(address account) private view returns (uint256) {
        return _holder(account, tload(CLEANINGS));
    }

    function _holder(address account, uint256 cleanings) private pure returns (uint256) {
        return (cleanings << 160) | uint160(account);
    }

    /// @dev Whether `holder` has a transient right, which stands at Keccak-256(handle | holder).
    function _borrows(bytes32 handle, uint256 holder) private view returns (bool yes) {
        assembly ("memory-safe") {
            mstore(0, handle)
            mstore(32, holder)
            yes := tload(keccak256(0, 64))
        }
    }

    /// @dev Gives `holder` a transient right.
    function _lend(bytes32 handle, uint256 holder) private {
        assembly ("memory-safe") {
            mstore(0, handle)
            mstore(32, holder)
            tstore(keccak256(0, 64), 1)
        }
    }

    function _rights() private pure returns (RightsStorage storage $) {
        assembly ("memory-safe") {
            $.slot := STORAGE
        }
    }
}
