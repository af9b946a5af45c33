// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {FHE, euint64} from "fhevm-contracts/lib/FHE.sol";
import {ERC7984} from "../ERC7984.sol";

/// @title A confidential token of which anyone may take
contract Coin is ERC7984 {
    constructor(string memory symbol) ERC7984("Coin", symbol, "") {}

    function take(uint64 amount) external {
        _mint(msg.sender, FHE.asEuint64(amount));
    }
}

/// @title A coin that anyone may freeze for anyone: what moves from or to a frozen account reverts
contract FreezingCoin is Coin("F") {
    mapping(address account => bool) public frozen;

    error Frozen(address from, address to);

    function setFrozen(address account, bool frozen_) external {
        frozen[account] = frozen_;
    }

    function _transfer(address from, address to, euint64 amount) internal override returns (euint64) {
        if (frozen[from] || frozen[to]) revert Frozen(from, to);
        return super._transfer(from, to, amount);
    }
}

/// @title A coin that lends what moved for the transaction and gives no right beyond it: ERC-7984 promises none
contract FleetingCoin is Coin("L") {
    function _share(address from, address to, euint64 moved) internal override {
        FHE.allowTransient(FHE.allowTransient(FHE.allowTransient(moved, msg.sender), from), to);
        emit ConfidentialTransfer(from, to, moved);
    }
}
