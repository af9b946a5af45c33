// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {OperatorTable} from "./OperatorTable.sol";

/// @dev `n` in decimal.
function decimal(uint256 n) pure returns (string memory text) {
    for (text = _digit(n); n > 9; ) {
        n /= 10;
        text = string.concat(_digit(n), text);
    }
}

function _digit(uint256 n) pure returns (string memory) {
    return string(abi.encodePacked(bytes1(uint8(48 + (n % 10)))));
}

/// @dev The name of type `t`, known or not.
function typeText(uint256 t) pure returns (string memory) {
    return OperatorTable.kind(t) == 0 ? string.concat("type(", decimal(t), ")") : OperatorTable.typeName(t);
}
