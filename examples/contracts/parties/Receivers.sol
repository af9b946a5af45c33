// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {FHEVMConfig} from "fhevm-contracts/config/FHEVMConfig.sol";
import {FHE, ebool, euint64} from "fhevm-contracts/lib/FHE.sol";
import {IERC7984Receiver} from "../IERC7984.sol";

/// @title Accepts at least `minimum` units at a time and sends less back
contract Shop is IERC7984Receiver, FHEVMConfig {
    uint64 public constant minimum = 100;

    function onConfidentialTransferReceived(address, address, euint64 amount, bytes calldata) external returns (ebool) {
        return FHE.allowTransient(FHE.ge(amount, minimum), msg.sender);
    }
}

/// @title Answers with a handle that somebody sends along, to learn from the refund what it holds
contract Spy is IERC7984Receiver {
    function onConfidentialTransferReceived(address, address, euint64, bytes calldata data) external pure returns (ebool) {
        return abi.decode(data, (ebool));
    }
}
