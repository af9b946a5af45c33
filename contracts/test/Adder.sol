// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {FHE, euint64} from "../lib/FHE.sol";
import {CoprocessorConfig} from "../lib/Impl.sol";

/// @title A sum of two encrypted values, for the check of a deployment
contract Adder {
    /// @notice The encrypted sum of the last call.
    euint64 public sum;

    /// @param config The system contracts of the chain.
    constructor(CoprocessorConfig memory config) {
        FHE.setCoprocessor(config);
    }

    /// @notice Encrypts two public numbers and adds them.
    function add(uint64 a, uint64 b) external {
        sum = FHE.allowThis(FHE.add(FHE.asEuint64(a), FHE.asEuint64(b)));
    }
}
