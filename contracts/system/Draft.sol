// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {PROTOCOL_VERSION} from "../config/Protocol.sol";
import {Domain} from "./Domain.sol";
import {Rights} from "./Rights.sol";

/// @title How an operation stands in memory while the executor orders it
/// @dev Every operation of every contract runs this code. Solidity would copy the same words for the
/// precompile, for the ACL and for the event, at several thousand gas an operation; here each is written
/// once, and what is called reads it where it stands:
///
///     length(32) | Domain(61) | op(1) | type(1) | salt(32) | n(1) | kinds(n) | operands(32 n) | table | zeros
///
/// is `bytes memory derivation` (SPEC 2.3), the precompile's input. When the operation is named, op and type move up
/// to the last 8 bytes of the salt, whose others are zero; the 96 bytes before them become digest(32) | 64 (32) |
/// length(32), and all from there is the data of the event.
abstract contract Draft is Domain {
    /// @notice `caller` ordered `computation`, a derivation without Domain and salt's zeros (SPEC 2.5). `result` and
    /// `digest` are of its first result.
    event Operation(address indexed caller, bytes32 indexed result, bytes32 digest, bytes computation);

    /// @dev Bytes of a derivation that the event leaves out: the Domain, and 24 of the salt.
    uint256 private constant OMITTED = 61 + 24;

    // The first 64 bytes of every header, but for the chain id in front and operation and type at the end.
    uint256 private immutable head;
    uint256 private immutable tail;

    constructor(address acl_, bytes32 keyId_) Domain(acl_, keyId_) {
        head = (uint256(uint160(acl_)) << 32) | (uint256(keyId_) >> 224);
        tail = (uint256(keyId_) << 32) | (uint256(PROTOCOL_VERSION) << 24);
    }

    /// @dev The derivation of an operation. Its first 96 bytes, up to `n`, are three words, since the salt is
    /// below 2^64. Kind i is 0 for a handle from before, 1 for a handle made in this transaction, 2 for a
    /// clear value, where `clear` has bit i. `mark` is the largest mark of an operand, at least 1.
    function _compose(uint256 op, uint256 fheType, uint256 salt, bytes32[] memory operands, uint256 clear, bytes memory table)
        internal
        view
        returns (bytes memory derivation, uint256 mark)
    {
        uint256 word = tail | (op << 16) | (fheType << 8);
        uint256 first = head;
        assembly ("memory-safe") {
            let n := mload(operands)
            derivation := mload(64)
            mstore(add(derivation, 32), or(shl(192, chainid()), first))
            mstore(add(derivation, 64), word)
            mstore(add(derivation, 96), or(shl(8, salt), n))
            let kind := add(derivation, 128)
            let from := add(operands, 32)
            let end := add(kind, n)
            mcopy(end, from, mul(32, n))
            mark := 1
            for { } lt(kind, end) { kind := add(kind, 1) } {
                let known := and(clear, 1)
                let made := mul(tload(mload(from)), iszero(known))
                mstore8(kind, or(shl(1, known), gt(made, 0)))
                if gt(made, mark) { mark := made }
                clear := shr(1, clear)
                from := add(from, 32)
            }
            end := add(end, mul(32, n))
            mcopy(end, add(table, 32), mload(table))
            end := add(end, mload(table))
            mstore(end, 0)
            mstore(derivation, sub(sub(end, derivation), 32))
            mstore(64, and(add(end, 63), not(31)))
        }
    }

    /// @dev Marks the results in the precompile's `output` as made in this transaction, calls Rights.settleOperation for
    /// the sender, and emits Operation. `derivation` is no more.
    function _conclude(bytes memory derivation, bytes32[] memory operands, uint256 clear, bytes memory output, uint256 mark)
        internal
    {
        (address acl_, uint256 selector, bytes32 topic) = (acl, uint32(Rights.settleOperation.selector), Operation.selector);
        assembly ("memory-safe") {
            let results := add(output, 96)
            let size := sub(mload(output), 64)
            for { let at := 0 } lt(at, size) { at := add(at, 64) } { tstore(mload(add(results, at)), mark) }
            let call_ := mload(64)
            let used := mul(32, mload(operands))
            mstore(call_, shl(224, selector))
            mstore(add(call_, 4), caller())
            mstore(add(call_, 36), clear)
            mcopy(add(call_, 68), operands, add(used, 32))
            mcopy(add(add(call_, 100), used), results, size)
            if iszero(call(gas(), acl_, 0, call_, add(add(100, used), size), 0, 0)) {
                returndatacopy(call_, 0, returndatasize())
                revert(call_, returndatasize())
            }
            size := sub(mload(derivation), OMITTED)
            let computation := add(add(derivation, 32), OMITTED)
            mcopy(computation, sub(computation, 24), 2)
            let data := sub(computation, 96)
            mstore(data, mload(add(results, 32)))
            mstore(add(data, 32), 64)
            mstore(add(data, 64), size)
            log3(data, and(add(size, 127), not(31)), topic, caller(), mload(results))
        }
    }

    /// @dev The handles of the results in the precompile's output.
    function _results(bytes memory output) internal pure returns (bytes32[] memory results) {
        results = new bytes32[](output.length / 64 - 1);
        for (uint256 i = 0; i < results.length; i++) {
            results[i] = _word(output, 2 + 2 * i);
        }
    }
}
