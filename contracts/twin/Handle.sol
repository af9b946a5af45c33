// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {PROTOCOL_VERSION} from "../config/Protocol.sol";

/// @dev Lays a handle out (SPEC 2.2): digest(21) | index(1) | chain id(8) | type(1) | version(1).
function layOut(bytes32 digest, uint8 index, uint64 chainId, uint8 t) pure returns (bytes32) {
    uint256 tail = (uint256(index) << 80) | (uint256(chainId) << 16) | (uint256(t) << 8) | PROTOCOL_VERSION;
    return bytes21(digest) | bytes32(tail);
}
