// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {OPERATIONS_PRECOMPILE} from "../config/Protocol.sol";
import {FheType} from "../lib/FheType.sol";
import {IACL} from "../lib/IACL.sol";
import {IInputVerifier} from "../lib/IInputVerifier.sol";
import {Draft} from "./Draft.sol";
import {Meter} from "./Meter.sol";
import {CAST, DIV, Operations, RAND, RAND_BOUNDED, REM, TRIVIAL_ENCRYPT} from "./Operations.sol";

/// @title Orders operations on encrypted values
/// @notice Computes names only: an operation returns the handles of its results at once, and the
/// coprocessor computes the ciphertexts from the Operation event.
/// @dev The caller needs a right on every encrypted operand and gets one, for the transaction, on
/// every result. Type rules, gas, costs and the handles' derivation are the precompile's.
contract FHEVMExecutor is Operations, Draft, Meter {
    IInputVerifier private immutable inputVerifier;

    /// @dev The longest list that a derivation holds.
    uint256 private constant MAX_OPERANDS = 101;

    /// @notice `account` has no right on `handle`. A contract that stores a result calls
    /// FHE.allowThis on it; one that passes a handle to a contract calls FHE.allowTransient.
    /// @dev The ACL finds this.
    error ACLNotAllowed(bytes32 handle, address account);

    /// @notice Bit i of `scalarByte` says that operand i, counted from the right, is clear; this
    /// operation does not take these operands clear.
    error InvalidScalarByte(bytes1 scalarByte);

    /// @notice The clear divisor is 0. An encrypted one gives all bits set, and leaves the dividend.
    error DivisionByZero();

    /// @notice An operation takes at most `max` operands: split the list.
    error TooManyOperands(uint256 count, uint256 max);

    /// @notice Random values take their seed from the chain: call fheRand or fheRandBounded.
    error SeedNotYours();

    /// @notice The input is of another type than the contract expects: encrypt it as that type.
    error WrongInputType(bytes32 handle, FheType wanted);

    /// @param acl_ The contract that keeps rights.
    /// @param inputVerifier_ The contract that checks encrypted inputs.
    /// @param keyId_ Identifies the network's FHE public key.
    constructor(address acl_, address inputVerifier_, bytes32 keyId_) Draft(acl_, keyId_) {
        inputVerifier = IInputVerifier(inputVerifier_);
    }

    /// @notice Sets the first limits of the budget.
    /// @param perBlock Bootstraps that may be ordered with every block, on average.
    /// @param burst The most bootstraps that unused blocks save up.
    /// @param depth Layers of bootstraps that a transaction may be deep.
    function initialize(uint32 perBlock, uint32 burst, uint32 depth) external initializer {
        _setBudget(perBlock, burst, depth);
    }

    /// @notice Changes the limits of the budget. What the bucket holds beyond a new `burst` is lost.
    /// Only the owner may.
    function setBudget(uint32 perBlock, uint32 burst, uint32 depth) external onlyOwner {
        _setBudget(perBlock, burst, depth);
    }

    /// @notice Accepts the encrypted input `inputHandle` of `user` and gives the caller a right on
    /// it for the transaction.
    /// @param inputProof The input list that the wallet encrypted for the caller and `user`.
    function verifyInput(bytes32 inputHandle, address user, bytes calldata inputProof, FheType inputType)
        external
        returns (bytes32)
    {
        if (_typeOf(inputHandle) != uint8(inputType)) revert WrongInputType(inputHandle, inputType);
        uint256 bootstraps = inputVerifier.verify(msg.sender, user, inputHandle, inputProof);
        if (bootstraps != 0) _spend(_meter(), bootstraps, 1);
        IACL(acl).allowTransient(inputHandle, msg.sender);
        return inputHandle;
    }

    /// @notice Orders any operation of the operator table but a random value.
    /// @param op The operation's number.
    /// @param fheType The operation's type: that of the first result, or of the first operand where
    /// the result is a bool, a count or a logarithm.
    /// @param operands Handles and clear values.
    /// @param clear Bit i says that operand i is a clear value.
    /// @param table The entries of a look-up, big-endian, else empty.
    /// @return results The handles of the results.
    function order(uint8 op, FheType fheType, bytes32[] calldata operands, uint256 clear, bytes calldata table)
        external
        returns (bytes32[] memory results)
    {
        if (op == RAND || op == RAND_BOUNDED) revert SeedNotYours();
        return _results(_order(op, uint8(fheType), operands, clear, table));
    }

    /// @notice Orders an operation on the first `n` of three operands, as order does. Where it has several
    /// results, this returns the first.
    /// @dev The name's selector is one of the lowest, which the compiler's dispatch tries first, at 22 gas for
    /// each before it.
    function order3(uint8 op, FheType fheType, uint256 n, bytes32 a, bytes32 b, bytes32 c, uint256 clear)
        external
        returns (bytes32)
    {
        if (op == RAND || op == RAND_BOUNDED) revert SeedNotYours();
        if (n > 3) revert TooManyOperands(n, 3);
        bytes32[] memory operands = _list(a, b, c);
        assembly ("memory-safe") {
            mstore(operands, n)
        }
        return _one(op, uint8(fheType), operands, clear);
    }

    /// @notice The contract that checks encrypted inputs.
    function getInputVerifierAddress() external view returns (address) {
        return address(inputVerifier);
    }

    /// @notice Name and version of this implementation.
    function getVersion() external pure returns (string memory) {
        return "FHEVMExecutor v0.1.0";
    }

    /// @notice The contract that keeps rights.
    function getACLAddress() external view returns (address) {
        return acl;
    }

    function _binary(uint8 op, bytes32 lhs, bytes32 rhs, bytes1 scalarByte) internal override returns (bytes32) {
        if (scalarByte == 0) return _one(op, _typeOf(lhs), _list(lhs, rhs), 0);
        if (scalarByte > 0x02) revert InvalidScalarByte(scalarByte);
        if (scalarByte == 0x02) return _one(op, _typeOf(rhs), _list(lhs, rhs), 1);
        if (rhs == 0 && (op == DIV || op == REM)) revert DivisionByZero();
        return _one(op, _typeOf(lhs), _list(lhs, rhs), 2);
    }

    /// @dev An amount of another type is taken modulo 256, and so modulo the width, too.
    function _shift(uint8 op, bytes32 lhs, bytes32 rhs, bytes1 scalarByte) internal override returns (bytes32) {
        if (scalarByte > 0x01) revert InvalidScalarByte(scalarByte);
        if (scalarByte == 0 && rhs != 0 && _typeOf(rhs) != uint8(FheType.Uint8)) {
            rhs = _convert(CAST, rhs, FheType.Uint8);
        }
        return _one(op, _typeOf(lhs), _list(lhs, rhs), scalarByte == 0x01 ? 2 : 0);
    }

    function _unary(uint8 op, bytes32 ct) internal override returns (bytes32) {
        return _one(op, _typeOf(ct), _list(ct), 0);
    }

    function _choose(uint8 op, bytes32 control, bytes32 ifTrue, bytes32 ifFalse) internal override returns (bytes32) {
        return _one(op, _typeOf(ifTrue), _list(control, ifTrue, ifFalse), 0);
    }

    function _ternary(uint8 op, bytes32 a, bytes32 b, bytes32 c, bytes1 scalarByte) internal override returns (bytes32) {
        if (scalarByte > 0x03) revert InvalidScalarByte(scalarByte);
        uint256 bits = uint8(scalarByte);
        if (bits & 1 == 1 && c == 0) revert DivisionByZero();
        return _one(op, _typeOf(a), _list(a, b, c), ((bits & 1) << 2) | (bits & 2));
    }

    function _convert(uint8 op, bytes32 ct, FheType toType) internal override returns (bytes32) {
        return _one(op, uint8(toType), _list(ct), 0);
    }

    function _encrypt(uint8 op, uint256 pt, FheType toType) internal override returns (bytes32) {
        return _one(op, uint8(toType), _list(bytes32(pt)), 1);
    }

    /// @dev The sum of nothing is 0.
    function _fold(uint8 op, bytes32[] calldata values, FheType resultType) internal override returns (bytes32) {
        if (values.length == 0) return _encrypt(TRIVIAL_ENCRYPT, 0, resultType);
        return _one(op, uint8(resultType), values, 0);
    }

    /// @dev Nothing is in an empty list.
    function _member(uint8 op, bytes32 value, bytes32[] calldata values, FheType valueType)
        internal
        override
        returns (bytes32)
    {
        if (values.length == 0) return _encrypt(TRIVIAL_ENCRYPT, 0, FheType.Bool);
        bytes32[] memory operands = new bytes32[](1 + values.length);
        operands[0] = value;
        for (uint256 i = 0; i < values.length; i++) {
            operands[i + 1] = values[i];
        }
        return _one(op, uint8(valueType), operands, 0);
    }

    function _draw(uint8 op, FheType randType) internal override returns (bytes32) {
        return _one(op, uint8(randType), _list(_seed()), 1);
    }

    function _drawBounded(uint8 op, uint256 upperBound, FheType randType) internal override returns (bytes32) {
        return _one(op, uint8(randType), _list(_seed(), bytes32(upperBound)), 3);
    }

    /// @dev Whoever knows the seed still learns nothing: coprocessors expand it under a secret key.
    function _seed() private view returns (bytes32) {
        return
            keccak256(abi.encodePacked("fhevm seed", _domain(), address(this), msg.sender, uint256(uint64(_meter())), block.prevrandao));
    }

    /// @dev Orders an operation with one result.
    function _one(uint256 op, uint256 fheType, bytes32[] memory operands, uint256 clear) private returns (bytes32) {
        bytes memory noTable;
        return _word(_order(op, fheType, operands, clear, noTable), 2);
    }

    /// @dev Operand i is a clear value where `clear` has bit i, else a handle. Returns the precompile's output:
    /// bootstraps(32) | depth(32) | handle(32) and digest(32) of each result.
    function _order(uint256 op, uint256 fheType, bytes32[] memory operands, uint256 clear, bytes memory table)
        private
        returns (bytes memory output)
    {
        if (operands.length > MAX_OPERANDS) revert TooManyOperands(operands.length, MAX_OPERANDS);
        uint256 meter = _meter();
        (bytes memory derivation, uint256 mark) = _compose(op, fheType, uint64(meter), operands, clear, table);
        output = _call(_operations(), derivation);
        unchecked {
            mark += uint256(_word(output, 1));
            _spend(meter, uint256(_word(output, 0)), mark - 1);
        }
        _conclude(derivation, operands, clear, output, mark);
    }

    /// @dev The contract that names results: the precompile, where it is not its twin.
    function _operations() internal view virtual returns (address) {
        return OPERATIONS_PRECOMPILE;
    }

    function _typeOf(bytes32 handle) private pure returns (uint8) {
        return uint8(handle[30]);
    }

    // `new` would first clear what is written next, at 100 gas.

    function _list(bytes32 a) private pure returns (bytes32[] memory list) {
        assembly ("memory-safe") {
            list := mload(64)
            mstore(list, 1)
            mstore(add(list, 32), a)
            mstore(64, add(list, 64))
        }
    }

    function _list(bytes32 a, bytes32 b) private pure returns (bytes32[] memory list) {
        assembly ("memory-safe") {
            list := mload(64)
            mstore(list, 2)
            mstore(add(list, 32), a)
            mstore(add(list, 64), b)
            mstore(64, add(list, 96))
        }
    }

    function _list(bytes32 a, bytes32 b, bytes32 c) private pure returns (bytes32[] memory list) {
        assembly ("memory-safe") {
            list := mload(64)
            mstore(list, 3)
            mstore(add(list, 32), a)
            mstore(add(list, 64), b)
            mstore(add(list, 96), c)
            mstore(64, add(list, 128))
        }
    }
}
