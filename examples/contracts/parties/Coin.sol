// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {FHE} from "fhevm-contracts/lib/FHE.sol";
import {ERC7984} from "../ERC7984.sol";

/// @title A confidential token of which anyone may take
contract Coin is ERC7984 {
    constructor(string memory symbol) ERC7984("Coin", symbol, "") {}

    function take(uint64 amount) external {
        _mint(msg.sender, FHE.asEuint64(amount));
    }
}
