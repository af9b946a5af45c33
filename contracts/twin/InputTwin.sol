// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {PROTOCOL_VERSION} from "../config/Protocol.sol";
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
    uint256 private constant BINDING = DOMAIN + 20 + 20;

    // Where the parts of a list begin: format(1) | binding | count(1) | types(count) | mask | bodies.
    uint256 private constant COUNT = 1 + BINDING;
    uint256 private constant TYPES = COUNT + 1;

    uint256 private constant MASK = 8 * 2048;
    uint256 private constant MAX_VALUES = 255;
    uint256 private constant MAX_BITS = 2048;
    uint256 private constant MAX_LIST = TYPES + MAX_VALUES + MASK + 8 * (MAX_BITS / 4 + MAX_VALUES);

    fallback(bytes calldata input) external returns (bytes memory) {
        if (input.length < BINDING) _refuse(string.concat("binding has ", decimal(input.length), " bytes, want 101"));
        _checkVersion(uint8(input[VERSION]));
        bytes calldata binding = input[:BINDING];
        bytes calldata list = input[BINDING:];
        uint256 blocks = _checkList(list);
        _checkBinding(list[1:COUNT], binding);
        return _names(binding, list, blocks);
    }

    /// @dev Checks the bounds of a list, and returns the number of blocks of its values.
    function _checkList(bytes calldata list) private pure returns (uint256 blocks) {
        if (list.length < TYPES || list.length > MAX_LIST) {
            _refuse(string.concat("input list has ", decimal(list.length), " bytes, want 103 to ", decimal(MAX_LIST)));
        }
        if (list[0] != 0) _refuse(string.concat("input list has format ", decimal(uint8(list[0])), ", want 0"));
        uint256 count = uint8(list[COUNT]);
        if (count == 0) _refuse("input list has 0 values, want 1 to 255");
        if (list.length < TYPES + count) _refuse("input list ends within its types");
        uint256 bits;
        uint256 slots;
        for (uint256 i = 0; i < count; i++) {
            uint256 t = uint8(list[TYPES + i]);
            if (OperatorTable.kind(t) == 0) {
                _refuse(string.concat("input value ", decimal(i), " has unknown ", typeText(t)));
            }
            bits += OperatorTable.width(t);
            slots += (OperatorTable.width(t) + 3) / 4;
            blocks += OperatorTable.blocks(t);
        }
        if (bits > MAX_BITS) _refuse(string.concat("input list has ", decimal(bits), " bits, want at most 2048"));
        uint256 size = TYPES + count + MASK + 8 * slots;
        if (list.length != size) {
            _refuse(string.concat("input list has ", decimal(list.length), " bytes, want ", decimal(size)));
        }
    }

    /// @dev The binding that the list states must be the one in force.
    function _checkBinding(bytes calldata stated, bytes calldata binding) private pure {
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

    function _names(bytes calldata binding, bytes calldata list, uint256 blocks) private pure returns (bytes memory output) {
        bytes32 digest = keccak256(list);
        uint256 count = uint8(list[COUNT]);
        bytes32[] memory words = new bytes32[](2 + count);
        (words[0], words[1]) = (digest, bytes32(blocks));
        for (uint256 i = 0; i < count; i++) {
            words[2 + i] = _handle(binding, digest, uint8(i), uint8(list[TYPES + i]));
        }
        return abi.encodePacked(words);
    }

    /// @dev SPEC 2.2 and 2.4.
    function _handle(bytes calldata binding, bytes32 list, uint8 i, uint8 t) private pure returns (bytes32) {
        bytes32 digest = keccak256(abi.encodePacked("fhevm input", binding[:DOMAIN], list, i, t, binding[DOMAIN:]));
        return bytes32(abi.encodePacked(bytes21(digest), i, bytes8(binding), t, PROTOCOL_VERSION));
    }

    function _refuse(string memory text) private pure {
        revert(string.concat("FHE input: ", text));
    }
}
