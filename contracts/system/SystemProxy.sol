// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ERC1967Utils} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Utils.sol";
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";

/// @title The proxy in front of every system contract
/// @notice Has no functions of its own: the implementation decides who may replace it (UUPS).
contract SystemProxy is ERC1967Proxy {
    /// @param implementation The contract whose code runs.
    /// @param initialisation The call that sets the first state, such as initialize().
    constructor(address implementation, bytes memory initialisation) ERC1967Proxy(implementation, initialisation) {}

    /// @dev What OpenZeppelin's does through functions, at 100 gas more of every call: a transfer makes 14.
    fallback() external payable override {
        bytes32 slot = ERC1967Utils.IMPLEMENTATION_SLOT;
        assembly {
            calldatacopy(0, 0, calldatasize())
            let ok := delegatecall(gas(), sload(slot), 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if ok { return(0, returndatasize()) }
            revert(0, returndatasize())
        }
    }
}
