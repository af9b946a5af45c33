// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.27;

import {ZamaEthereumConfig} from "@fhevm/solidity/config/ZamaConfig.sol";
import {FHE, euint64, externalEuint64} from "@fhevm/solidity/lib/FHE.sol";
import {ERC7984} from "@openzeppelin/confidential-contracts/token/ERC7984/ERC7984.sol";
import {ERC7984Votes} from "@openzeppelin/confidential-contracts/token/ERC7984/extensions/ERC7984Votes.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @title OpenZeppelin's token with votes, which its deployer mints and counts
contract VotesToken is ERC7984Votes, ZamaEthereumConfig {
    address private immutable deployer = msg.sender;

    constructor() ERC7984("Votes", "VOTE", "") EIP712("Votes", "1") {}

    function mint(address to, externalEuint64 amount, bytes calldata proof) external {
        require(msg.sender == deployer);
        _mint(to, FHE.fromExternal(amount, proof));
    }

    function _validateHandleAllowance(bytes32) internal view override returns (bool) {
        return msg.sender == deployer;
    }
}
