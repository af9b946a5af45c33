// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.27;

import {ZamaEthereumConfig} from "@fhevm/solidity/config/ZamaConfig.sol";
import {ERC7984} from "@openzeppelin/confidential-contracts/token/ERC7984/ERC7984.sol";
import {
    ERC7984ERC20Wrapper
} from "@openzeppelin/confidential-contracts/token/ERC7984/extensions/ERC7984ERC20Wrapper.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title A public token of 6 decimals, as much as one asks for
contract Dollar is ERC20("Dollar", "USD") {
    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @title OpenZeppelin's wrapper around it
contract Wrapper is ERC7984ERC20Wrapper, ZamaEthereumConfig {
    constructor(IERC20 dollar) ERC7984("Confidential Dollar", "cUSD", "") ERC7984ERC20Wrapper(dollar) {}
}
