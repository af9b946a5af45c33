// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {PROTOCOL_VERSION} from "../config/Protocol.sol";
import {
    ANY_TYPE, BOUND, BY_COUNT, BY_SOURCE, MAX_DERIVATION, NO_RESULT, Operator, OperatorTable, OWN_TYPE, REFUSED
} from "./OperatorTable.sol";
import {layOut} from "./Handle.sol";
import {decimal, typeText} from "./Texts.sol";

/// @title The twin of precompile 0x5d, for chains that have no such precompile
/// @notice Takes a derivation (SPEC 2.3) as its whole calldata and returns bootstraps(32) | depth(32) |
/// handle(32) | digest(32) of each result, as the precompile does, and refuses what the precompile refuses
/// with Error(string). It keeps nothing and calls nobody. Its gas is what it computes: it charges nothing
/// for the bootstraps that an operation orders, which the executor's budget bounds.
contract OperationTwin {
    // Where the parts of a derivation begin: Domain(61) | op(1) | type(1) | salt(32) | n(1) | kinds(n) |
    // words(32 each) | table.
    uint256 private constant VERSION = 60;
    uint256 private constant OP = 61;
    uint256 private constant TYPE = 62;
    uint256 private constant COUNT = 95;
    uint256 private constant KINDS = 96;

    /// @dev Stands in a handle for its index in an input list.
    uint8 private constant COMPUTED = 0xff;

    // Kinds of operands.
    uint256 private constant STORED = 0;
    uint256 private constant CLEAR = 2;

    /// @dev The sets of a row that takes no clear operand, without that of no clear operand.
    uint256 private constant ALL_REFUSED = 0xfffffff;

    /// @dev What the operands add up to.
    struct Operands {
        uint256 clear; // bit i: operand i is clear
        uint256 blocks; // of those from storage
    }

    fallback(bytes calldata input) external returns (bytes memory) {
        if (input.length < KINDS || input.length > MAX_DERIVATION) {
            _refuse(string.concat("operation has ", decimal(input.length), " bytes, want 96 to ", decimal(MAX_DERIVATION)));
        }
        Operator memory row = OperatorTable.row(_byte(input, OP));
        if (row.columns == 0) _refuse(string.concat("unknown operation ", decimal(_byte(input, OP))));
        _checkLayout(row, input);
        Operands memory operands = _checkOperands(row, input);
        (uint256 bootstraps, uint256 depth) = _cost(row, operands, input);
        return abi.encodePacked(bootstraps, depth, _results(row, input));
    }

    /// @dev Checks all but the operands themselves, whose number then is what the row says.
    function _checkLayout(Operator memory row, bytes calldata input) private pure {
        uint256 version = _byte(input, VERSION);
        if (version != PROTOCOL_VERSION) _refuseOf(row, string.concat("protocol version ", decimal(version)));
        uint256 t = _byte(input, TYPE);
        if (OperatorTable.kind(t) & row.kinds == 0 || OperatorTable.width(t) > row.bits) {
            _refuseOf(row, string.concat("is not defined on ", typeText(t)));
        }
        uint256 n = _byte(input, COUNT);
        if (n < row.least || n > row.most) {
            _refuseOf(row, string.concat("takes ", _range(row.least, row.most), " operands, got ", decimal(n)));
        }
        uint256 size = KINDS + 33 * n + row.entries * OperatorTable.width(t) / 8;
        if (input.length != size) {
            _refuseOf(row, string.concat("has ", decimal(input.length), " bytes, want ", decimal(size)));
        }
    }

    function _checkOperands(Operator memory row, bytes calldata input) private pure returns (Operands memory operands) {
        uint256 n = _byte(input, COUNT);
        uint256 words = KINDS + n;
        for (uint256 i = 0; i < n; i++) {
            uint256 kind = _byte(input, KINDS + i);
            uint256 word = uint256(bytes32(input[words + 32 * i:]));
            uint256 code = (row.operands >> (8 * i)) & 255;
            if (kind > CLEAR) _refuseOperand(row, i, string.concat("unknown kind ", decimal(kind)));
            if (kind == CLEAR) {
                operands.clear |= 1 << i;
                _checkClear(row, i, word, code, _byte(input, TYPE));
            } else {
                _checkHandle(row, i, word, code, input);
                if (kind == STORED) operands.blocks += OperatorTable.blocks(_typeOf(word));
            }
        }
    }

    function _checkHandle(Operator memory row, uint256 i, uint256 handle, uint256 code, bytes calldata input) private pure {
        if (handle == 0) {
            _refuseOperand(row, i, "handle is uninitialised: assign the variable first, for example with FHE.asEuint64(0)");
        }
        if (uint64(handle >> 16) != _chainId(input)) {
            _refuseOperand(row, i, string.concat("handle is of chain ", decimal(uint64(handle >> 16)), ", want ", decimal(_chainId(input))));
        }
        if (uint8(handle) != PROTOCOL_VERSION) {
            _refuseOperand(row, i, string.concat("handle is of protocol version ", decimal(uint8(handle))));
        }
        uint256 t = _typeOf(handle);
        uint256 want = _decode(code, _byte(input, TYPE));
        if (code == ANY_TYPE ? OperatorTable.kind(t) == 0 : t != want) {
            _refuseOperand(row, i, string.concat("handle is ", typeText(t), ", want ", code == ANY_TYPE ? "a known type" : typeText(want)));
        }
    }

    function _checkClear(Operator memory row, uint256 i, uint256 value, uint256 code, uint256 t) private pure {
        if (code == ANY_TYPE) _refuseOperand(row, i, "may not be clear");
        uint256 most = _most(_decode(code, t));
        if (code != BOUND && value > most) {
            _refuseOperand(row, i, string.concat("clear value does not fit ", typeText(_decode(code, t))));
        }
        if (code == BOUND && (value == 0 || value - 1 > most)) {
            _refuseOperand(row, i, string.concat("bound is not 1 to 2^", decimal(OperatorTable.width(t))));
        }
    }

    /// @dev The cost of the operation by the cost table, and of unpacking the operands from storage.
    function _cost(Operator memory row, Operands memory operands, bytes calldata input)
        private
        pure
        returns (uint256 bootstraps, uint256 depth)
    {
        uint256 column = _column(row, operands, input);
        uint256 offset = 5 * (OperatorTable.rank(_byte(input, TYPE)) * row.columns + column);
        bytes memory costs = row.costs;
        uint256 cost;
        assembly ("memory-safe") {
            cost := shr(216, mload(add(add(costs, 32), offset)))
        }
        return ((cost >> 16) + operands.blocks, (cost & 0xffff) + (operands.blocks == 0 ? 0 : 1));
    }

    /// @dev The column of the costs, if the operation takes this set of clear operands.
    function _column(Operator memory row, Operands memory operands, bytes calldata input) private pure returns (uint256) {
        uint256 n = _byte(input, COUNT);
        uint256 set = operands.clear;
        if (row.by == BY_COUNT) set = set == 0 ? 0 : set == (1 << n) - 1 ? 3 : 1;
        uint256 nibble = (row.sets >> (4 * set)) & 15;
        if (nibble == REFUSED) _refuseSet(row);
        if (row.by == BY_COUNT) return OperatorTable.listColumn(n);
        if (row.by == BY_SOURCE) return OperatorTable.rank(_typeOf(uint256(bytes32(input[KINDS + 1:]))));
        return nibble;
    }

    /// @dev Names the results: handle(32) | digest(32) of each.
    function _results(Operator memory row, bytes calldata input) private pure returns (bytes memory output) {
        bytes32 digest = keccak256(abi.encodePacked("fhevm operation", input));
        output = abi.encodePacked(_handle(digest, row.first, input), digest);
        if (row.second == NO_RESULT) return output;
        digest = keccak256(abi.encodePacked("fhevm result", digest, uint8(1)));
        return abi.encodePacked(output, _handle(digest, row.second, input), digest);
    }

    function _handle(bytes32 digest, uint256 code, bytes calldata input) private pure returns (bytes32) {
        return layOut(digest, COMPUTED, _chainId(input), uint8(_decode(code, _byte(input, TYPE))));
    }

    /// @dev The type with this code, of an operation on type `t`.
    function _decode(uint256 code, uint256 t) private pure returns (uint256) {
        return code == OWN_TYPE || code == BOUND ? t : code - 1;
    }

    /// @dev The largest clear value of type `t`.
    function _most(uint256 t) private pure returns (uint256) {
        return type(uint256).max >> (256 - OperatorTable.width(t));
    }

    function _byte(bytes calldata input, uint256 i) private pure returns (uint256) {
        return uint8(input[i]);
    }

    function _chainId(bytes calldata input) private pure returns (uint64) {
        return uint64(bytes8(input));
    }

    function _typeOf(uint256 handle) private pure returns (uint256) {
        return uint8(handle >> 8);
    }

    function _refuseSet(Operator memory row) private pure {
        if (row.sets & 15 == REFUSED) _refuseOf(row, "takes clear values only");
        if (row.sets >> 4 == ALL_REFUSED) _refuseOf(row, "takes no clear operand");
        _refuseOf(row, "too few operands are encrypted: compute on clear values in the contract");
    }

    function _refuseOperand(Operator memory row, uint256 i, string memory text) private pure {
        _refuseOf(row, string.concat("operand ", decimal(i), ": ", text));
    }

    function _refuseOf(Operator memory row, string memory text) private pure {
        _refuse(string.concat(row.name, ": ", text));
    }

    function _refuse(string memory text) private pure {
        revert(string.concat("FHE operation: ", text));
    }

    function _range(uint256 least, uint256 most) private pure returns (string memory) {
        return least == most ? decimal(least) : string.concat(decimal(least), " to ", decimal(most));
    }
}
