// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @notice Types of encrypted values. The number of a type is byte 30 of its handles.
/// @dev The executor takes Bool, Uint8 to Uint256 in powers of two, Int8 to Int256 likewise, and
/// Uint160, which is an address; the others keep the established numbering.
enum FheType {
    Bool, Uint4, Uint8, Uint16, Uint32, Uint64, Uint128, Uint160, Uint256, Uint512, Uint1024,
    Uint2048, Uint2, Uint6, Uint10, Uint12, Uint14, Int2, Int4, Int6, Int8, Int10, Int12, Int14,
    Int16, Int32, Int64, Int128, Int160, Int256, AsciiString, Int512, Int1024, Int2048, Uint24,
    Uint40, Uint48, Uint56, Uint72, Uint80, Uint88, Uint96, Uint104, Uint112, Uint120, Uint136,
    Uint144, Uint152, Uint168, Uint176, Uint184, Uint192, Uint200, Uint208, Uint216, Uint224,
    Uint232, Uint240, Uint248, Int24, Int40, Int48, Int56, Int72, Int80, Int88, Int96, Int104,
    Int112, Int120, Int136, Int144, Int152, Int168, Int176, Int184, Int192, Int200, Int208, Int216,
    Int224, Int232, Int240, Int248
}
