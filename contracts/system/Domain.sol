// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {PROTOCOL_VERSION} from "../config/Protocol.sol";
import {Governed} from "./Governed.sol";

/// @title What separates one network's handles from every other's
/// @dev SPEC 2.1. Holds what the two contracts that call precompiles share.
abstract contract Domain is Governed {
    /// @notice Identifies the network's FHE public key. It equals the key registry's.
    bytes32 public immutable keyId;

    /// @notice This chain has no such precompile, nor a twin of it there: deploy to a chain that fhevm-node
    /// runs, or attach the network to this one with script/deploy.mjs.
    error PrecompileMissing(address precompile);

    constructor(address acl_, bytes32 keyId_) Governed(acl_) {
        keyId = keyId_;
    }

    /// @dev The encoding of the domain, which begins every precompile's input.
    function _domain() internal view returns (bytes memory) {
        return abi.encodePacked(uint64(block.chainid), acl, keyId, PROTOCOL_VERSION);
    }

    /// @dev Calls a precompile and passes its error on unchanged.
    function _call(address precompile, bytes memory input) internal view returns (bytes memory output) {
        assembly ("memory-safe") {
            let ok := staticcall(gas(), precompile, add(input, 32), mload(input), 0, 0)
            output := mload(64)
            mstore(output, returndatasize())
            returndatacopy(add(output, 32), 0, returndatasize())
            if iszero(ok) { revert(add(output, 32), returndatasize()) }
            mstore(64, and(add(add(output, returndatasize()), 63), not(31)))
        }
        if (output.length == 0) revert PrecompileMissing(precompile);
    }

    /// @dev Word `i` of a precompile's output.
    function _word(bytes memory output, uint256 i) internal pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(add(add(output, 32), mul(i, 32)))
        }
    }
}
