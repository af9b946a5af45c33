// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ZamaEthereumConfig} from "@fhevm/solidity/config/ZamaConfig.sol";
import {FHE, euint32, externalEuint32} from "@fhevm/solidity/lib/FHE.sol";

/// @title An encrypted counter
contract Counter is ZamaEthereumConfig {
    using FHE for euint32;

    euint32 public count;

    /// @notice Adds an encrypted number, which only the sender knows.
    function increment(externalEuint32 by, bytes calldata proof) external {
        count = count.add(FHE.fromExternal(by, proof)).allowThis().allow(msg.sender);
    }
}
