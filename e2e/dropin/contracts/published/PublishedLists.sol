// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import "published-fhevm-solidity/lib/FHE.sol";
import {Published} from "./Published.sol";

/// @title The functions that came with 0.13, too
contract PublishedLists is Published {
    function lists() external {
        euint8[] memory list = new euint8[](3);
        (list[0], list[1], list[2]) = (a, b, a);
        _keep("sum", FHE.sum(list));
        list = new euint8[](2);
        (list[0], list[1]) = (b, FHE.asEuint8(200));
        _keep("isIn", FHE.isIn(b, list));
        _keep("isNotIn", FHE.isIn(a, list));
    }
}
