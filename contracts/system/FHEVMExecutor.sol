// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {OPERATIONS_PRECOMPILE} from "../config/Protocol.sol";
import {FheType} from "../lib/FheType.sol";
import {IACL} from "../lib/IACL.sol";
import {IInputVerifier} from "../lib/IInputVerifier.sol";
import {Domain} from "./Domain.sol";
import {Operations} from "./Operations.sol";
import {tload, tstore} from "./Transient.sol";

/// @title Orders operations on encrypted values
/// @notice Computes names only: an operation returns the handle of its result at once, and the
/// coprocessor computes the ciphertext from the Operation event.
/// @dev The caller needs a right on every encrypted operand and gets one, for the transaction, on
/// the result. Type rules, gas and the handle's derivation are the precompile's.
contract FHEVMExecutor is Operations, Domain {
    IInputVerifier private immutable inputVerifier;

    /// @dev Which operand is clear, where one is.
    uint256 private constant CLEAR_LEFT = 1;
    uint256 private constant CLEAR_RIGHT = 2;

    /// @custom:storage-location erc7201:fhevm.storage.FHEVMExecutor
    struct ExecutorStorage {
        // Makes every use of an operation a handle of its own.
        uint256 salt;
    }

    bytes32 private constant STORAGE = 0x4613e1771f6b755d243e536fb5a23c5b15e2826575fee921e8fe7a22a760c800;

    /// @notice `caller` ordered the operation whose encoding is `derivation` (SPEC 2.3).
    event Operation(address indexed caller, bytes32 indexed result, bytes32 digest, bytes derivation);

    /// @notice `account` has no right on `handle`. A contract that stores a result calls
    /// FHE.allowThis on it; one that passes a handle to a contract calls FHE.allowTransient.
    error ACLNotAllowed(bytes32 handle, address account);

    /// @notice `scalarByte` is 0 for an encrypted right operand and 1 for a clear one.
    error InvalidScalarByte(bytes1 scalarByte);

    /// @notice Contracts cannot compute on `fheType` yet: take Bool, or Uint8 to Uint64.
    error TypeNotSupported(FheType fheType);

    /// @notice The input is of another type than the contract expects: encrypt it as that type.
    error WrongInputType(bytes32 handle, FheType wanted);

    /// @param acl_ The contract that keeps rights.
    /// @param inputVerifier_ The contract that checks encrypted inputs.
    /// @param keyId_ Identifies the network's FHE public key.
    constructor(address acl_, address inputVerifier_, bytes32 keyId_) Domain(acl_, keyId_) {
        inputVerifier = IInputVerifier(inputVerifier_);
    }

    /// @notice Accepts the encrypted input `inputHandle` of `user` and gives the caller a right on
    /// it for the transaction.
    /// @param inputProof The input list that the wallet encrypted for the caller and `user`.
    function verifyInput(bytes32 inputHandle, address user, bytes calldata inputProof, FheType inputType)
        external
        returns (bytes32)
    {
        if (_typeOf(inputHandle) != uint8(inputType)) revert WrongInputType(inputHandle, inputType);
        inputVerifier.verify(msg.sender, user, inputHandle, inputProof);
        IACL(acl).allowTransient(inputHandle, msg.sender);
        return inputHandle;
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
        if (scalarByte > 0x01) revert InvalidScalarByte(scalarByte);
        return _order(op, _typeOf(lhs), _list(lhs, rhs), scalarByte == 0x01 ? CLEAR_RIGHT : 0);
    }

    function _unary(uint8 op, bytes32 ct) internal override returns (bytes32) {
        return _order(op, _typeOf(ct), _list(ct), 0);
    }

    function _choose(uint8 op, bytes32 control, bytes32 ifTrue, bytes32 ifFalse) internal override returns (bytes32) {
        bytes32[] memory operands = new bytes32[](3);
        (operands[0], operands[1], operands[2]) = (control, ifTrue, ifFalse);
        return _order(op, _typeOf(ifTrue), operands, 0);
    }

    function _convert(uint8 op, bytes32 ct, FheType toType) internal override returns (bytes32) {
        return _order(op, _supported(toType), _list(ct), 0);
    }

    function _encrypt(uint8 op, uint256 pt, FheType toType) internal override returns (bytes32) {
        return _order(op, _supported(toType), _list(bytes32(pt)), CLEAR_LEFT);
    }

    /// @dev Inputs, trivial encryptions and casts are where all types come from.
    function _supported(FheType fheType) private pure returns (uint8) {
        if (fheType > FheType.Uint64) revert TypeNotSupported(fheType);
        return uint8(fheType);
    }

    /// @dev Operand i is a clear value where `clear` has bit i, else a handle. At most 101 operands,
    /// which the precompile checks, of an operation with one result.
    function _order(uint8 op, uint8 fheType, bytes32[] memory operands, uint256 clear)
        private
        returns (bytes32 result)
    {
        bytes memory kinds = _admit(operands, clear);
        bytes memory derivation =
            abi.encodePacked(_domain(), op, fheType, _storage().salt++, uint8(operands.length), kinds, operands);
        bytes32 digest;
        (result, digest) = abi.decode(_call(OPERATIONS_PRECOMPILE, derivation), (bytes32, bytes32));
        tstore(result, 1);
        IACL(acl).allowTransient(result, msg.sender);
        emit Operation(msg.sender, result, digest, derivation);
    }

    /// @dev Checks the caller's rights and returns what each operand is: 0 for a handle from before,
    /// 1 for a handle made in this transaction, 2 for a clear value. The precompile refuses the
    /// zero handle and says what to do.
    function _admit(bytes32[] memory operands, uint256 clear) private view returns (bytes memory kinds) {
        kinds = new bytes(operands.length);
        for (uint256 i = 0; i < operands.length; i++) {
            bytes32 handle = operands[i];
            if ((clear >> i) & 1 == 1) {
                kinds[i] = 0x02;
            } else if (handle != 0) {
                if (!IACL(acl).isAllowed(handle, msg.sender)) revert ACLNotAllowed(handle, msg.sender);
                if (tload(handle) != 0) kinds[i] = 0x01;
            }
        }
    }

    function _storage() private pure returns (ExecutorStorage storage $) {
        assembly ("memory-safe") {
            $.slot := STORAGE
        }
    }

    function _typeOf(bytes32 handle) private pure returns (uint8) {
        return uint8(handle[30]);
    }

    function _list(bytes32 a) private pure returns (bytes32[] memory list) {
        list = new bytes32[](1);
        list[0] = a;
    }

    function _list(bytes32 a, bytes32 b) private pure returns (bytes32[] memory list) {
        list = new bytes32[](2);
        (list[0], list[1]) = (a, b);
    }
}
