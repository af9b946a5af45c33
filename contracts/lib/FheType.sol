// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @notice Types of encrypted values. The number of a type is byte 30 of its handles.
/// @dev The executor takes Bool, Uint8, Uint16, Uint32 and Uint64; the others keep the numbering.
enum FheType {
    Bool,
    Uint4,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Uint128,
    Uint160,
    Uint256
}
