// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {PROTOCOL_VERSION} from "../config/Protocol.sol";
import {layOut} from "./Handle.sol";
import {OperatorTable} from "./OperatorTable.sol";
import {decimal, typeText} from "./Texts.sol";

/// @title The twin of precompile 0x5e, for chains that have no such precompile
/// @notice Takes Domain(61) | contract(20) | user(20) | input list (SPEC 2.4) as its whole calldata and returns
/// Keccak of the list(32) | bootstraps(32) | handle(32) of each value, as the precompile does, and refuses what
/// the precompile refuses with Error(string). It keeps nothing and calls nobody.
/// @dev It verifies no proof, and neither does the precompile yet: the binding stops accidents, not attackers.
contract InputTwin {
    uint256 private constant VERSION = 60;
    uint256 private constant DOMAIN = 61;
    uint256 internal constant BINDING = DOMAIN + 20 + 20;

    // Where the parts of a list begin: format(1) | binding | count(1) | types(count) | mask | bodies.
    uint256 internal constant COUNT = 1 + BINDING;
    uint256 internal constant TYPES = COUNT + 1;

    /// @dev Where the index of a value stands in what is hashed: tag | domain | digest | index(1) | type(1) | ...
    string private constant TAG = "fhevm input";
    uint256 private constant INDEX = 11 + DOMAIN + 32;

    uint256 private constant MASK = 8 * 2048;
    uint256 private constant MAX_VALUES = 255;
    uint256 private constant MAX_BITS = 2048;
    uint256 private constant MAX_LIST = TYPES + MAX_VALUES + MASK + 8 * (MAX_BITS / 4 + MAX_VALUES);

    fallback(bytes calldata input) external returns (bytes memory) {
        if (input.length < BINDING) _refuse(string.concat("binding has ", decimal(input.length), " bytes, want 101"));
        _checkVersion(uint8(input[VERSION]));
        bytes calldata binding = input[:BINDING];
        bytes calldata list = input[BINDING:];
        return _verify(binding, list);
    }

    /// @dev What the twin returns of a list that is accepted.
    function _verify(bytes calldata binding, bytes calldata list) internal view virtual returns (bytes memory) {
        (uint256 blocks, uint256 slots) = _checkHeader(list);
        uint256 size = TYPES + uint8(list[COUNT]) + MASK + 8 * slots;
        if (list.length != size) {
            _malformed(string.concat("input list has ", decimal(list.length), " bytes, want ", decimal(size)));
        }
        _checkBinding(list[1:COUNT], binding);
        return abi.encodePacked(keccak256(list), blocks, _names(binding, list, keccak256(list)));
    }

    /// @dev Checks the bounds of a list of format 0 up to its types, and returns how many blocks and slots its
    /// values have.
    function _checkHeader(bytes calldata list) private pure returns (uint256 blocks, uint256 slots) {
        if (list.length < TYPES || list.length > MAX_LIST) {
            _malformed(string.concat("input list has ", decimal(list.length), " bytes, want 103 to ", decimal(MAX_LIST)));
        }
        if (list[0] != 0) _malformed(string.concat("input list has format ", decimal(uint8(list[0])), ", want 0"));
        return _checkTypes(list);
    }

    /// @dev Checks the types that a list states, whatever its format.
    function _checkTypes(bytes calldata list) internal pure returns (uint256 blocks, uint256 slots) {
        uint256 count = uint8(list[COUNT]);
        if (count == 0) _malformed("input list has 0 values, want 1 to 255");
        if (list.length < TYPES + count) _malformed("input list ends within its types");
        uint256 bits;
        for (uint256 i = 0; i < count; i++) {
            uint256 t = uint8(list[TYPES + i]);
            if (OperatorTable.kind(t) == 0) {
                _malformed(string.concat("input value ", decimal(i), " has unknown ", typeText(t)));
            }
            uint256 width = OperatorTable.width(t);
            bits += width;
            slots += (width + 3) / 4;
            blocks += OperatorTable.blocks(t);
        }
        if (bits > MAX_BITS) _malformed(string.concat("input list has ", decimal(bits), " bits, want at most 2048"));
    }

    /// @dev The binding that the list states must be the one in force.
    function _checkBinding(bytes calldata stated, bytes calldata binding) internal pure {
        if (keccak256(stated) == keccak256(binding)) return;
        _checkVersion(uint8(stated[VERSION]));
        _same(stated[:8], binding[:8], "chain");
        _same(stated[8:28], binding[8:28], "ACL");
        _same(stated[28:60], binding[28:60], "key: fetch the network key again");
        _same(stated[61:81], binding[61:81], "contract: encrypt it for the contract that calls FHE.fromExternal");
        _refuse("input is bound to another user: encrypt it for the account that sends the transaction");
    }

    function _same(bytes calldata a, bytes calldata b, string memory what) private pure {
        if (keccak256(a) != keccak256(b)) _refuse(string.concat("input is bound to another ", what));
    }

    function _checkVersion(uint8 version) private pure {
        if (version != PROTOCOL_VERSION) _refuse(string.concat("protocol version ", decimal(version), " is not this one"));
    }

    /// @dev The handles of the values. Their digests (SPEC 2.4) differ in two bytes of what is hashed.
    function _names(bytes calldata binding, bytes calldata list, bytes32 digest)
        internal
        pure
        returns (bytes32[] memory handles)
    {
        uint256 count = uint8(list[COUNT]);
        bytes memory named = abi.encodePacked(TAG, binding[:DOMAIN], digest, bytes2(0), binding[DOMAIN:]);
        handles = new bytes32[](count);
        for (uint256 i = 0; i < count; i++) {
            bytes1 t = list[TYPES + i];
            (named[INDEX], named[INDEX + 1]) = (bytes1(uint8(i)), t);
            handles[i] = layOut(keccak256(named), uint8(i), uint64(bytes8(binding)), uint8(t));
        }
    }

    function _malformed(string memory text) private pure {
        _refuse(string.concat(text, ": pass the proof whole, as the wallet returned it"));
    }

    function _refuse(string memory text) internal pure {
        revert(string.concat("FHE input: ", text));
    }
}
