// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {FHEVMConfig} from "fhevm-contracts/config/FHEVMConfig.sol";
import {FHE, ebool, euint8, euint16, externalEbool, externalEuint8} from "fhevm-contracts/lib/FHE.sol";

/// @title Values of several types, from one input list
contract Values is FHEVMConfig {
    ebool public flag;
    euint8 public small;
    euint16 public wide;
    euint8 public lost;

    /// @notice Keeps a flag and a number, and the number in a wider type if the flag is set.
    function set(externalEbool flag_, externalEuint8 small_, bytes calldata proof) external {
        flag = FHE.makePubliclyDecryptable(FHE.fromExternal(flag_, proof));
        small = FHE.allow(FHE.allowThis(FHE.fromExternal(small_, proof)), msg.sender);
        wide = FHE.allowThis(FHE.select(flag, FHE.asEuint16(small), FHE.asEuint16(0)));
        lost = FHE.add(small, 1);
    }

    /// @notice Uses a value on which nobody kept a right.
    function forget() external returns (euint8) {
        return FHE.add(lost, 1);
    }
}
