// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title An ordinary ERC-20 token with 18 decimals, of which anyone may take
contract PlainToken is ERC20("Dollar", "USD") {
    function take(uint256 amount) external {
        _mint(msg.sender, amount);
    }
}
