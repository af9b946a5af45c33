// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @dev Reads transient storage (EIP-1153), which lasts for the transaction.
function tload(bytes32 slot) view returns (uint256 value) {
    assembly ("memory-safe") {
        value := tload(slot)
    }
}

/// @dev Writes transient storage (EIP-1153).
function tstore(bytes32 slot, uint256 value) {
    assembly ("memory-safe") {
        tstore(slot, value)
    }
}
