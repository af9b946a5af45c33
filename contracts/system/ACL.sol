// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IACL} from "../lib/IACL.sol";
import {tload, tstore} from "./Transient.sol";

/// @title Rights on encrypted values
contract ACL is IACL {
    address private immutable executor;

    mapping(bytes32 handle => mapping(address account => bool)) private persistent;
    mapping(bytes32 handle => bool) private decryptable;

    // Transient storage: slot 0 counts the grants of this transaction, the slots
    // after it list their keys, and each key's own slot holds 1.
    bytes32 private constant COUNT = 0;

    /// @param executor_ The contract that owns every new handle and gives it to its maker.
    constructor(address executor_) {
        executor = executor_;
    }

    /// @inheritdoc IACL
    function allow(bytes32 handle, address account) external {
        _requireRight(handle);
        persistent[handle][account] = true;
        emit Allowed(msg.sender, account, handle);
    }

    /// @inheritdoc IACL
    function allowTransient(bytes32 handle, address account) external {
        if (msg.sender != executor) _requireRight(handle);
        bytes32 key = _key(handle, account);
        if (tload(key) != 0) return;
        uint256 count = tload(COUNT) + 1;
        tstore(COUNT, count);
        tstore(bytes32(count), uint256(key));
        tstore(key, 1);
    }

    /// @inheritdoc IACL
    function allowForDecryption(bytes32[] calldata handlesList) external {
        for (uint256 i = 0; i < handlesList.length; i++) {
            _requireRight(handlesList[i]);
            decryptable[handlesList[i]] = true;
        }
        emit AllowedForDecryption(msg.sender, handlesList);
    }

    /// @inheritdoc IACL
    function cleanTransientStorage() external {
        for (uint256 i = tload(COUNT); i > 0; i--) {
            tstore(bytes32(tload(bytes32(i))), 0);
            tstore(bytes32(i), 0);
        }
        tstore(COUNT, 0);
    }

    /// @inheritdoc IACL
    function isAllowed(bytes32 handle, address account) public view returns (bool) {
        return allowedTransient(handle, account) || persistAllowed(handle, account);
    }

    /// @inheritdoc IACL
    function persistAllowed(bytes32 handle, address account) public view returns (bool) {
        return persistent[handle][account];
    }

    /// @inheritdoc IACL
    function allowedTransient(bytes32 handle, address account) public view returns (bool) {
        return tload(_key(handle, account)) != 0;
    }

    /// @inheritdoc IACL
    function isAllowedForDecryption(bytes32 handle) external view returns (bool) {
        return decryptable[handle];
    }

    /// @notice The executor, which may give transient rights on any handle.
    function getFHEVMExecutorAddress() external view returns (address) {
        return executor;
    }

    function _requireRight(bytes32 handle) private view {
        if (!isAllowed(handle, msg.sender)) revert SenderNotAllowed(msg.sender);
    }

    function _key(bytes32 handle, address account) private pure returns (bytes32) {
        return keccak256(abi.encode(handle, account));
    }
}
