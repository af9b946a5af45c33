// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {InputTwin} from "./InputTwin.sol";

/// @title An input twin that also takes a coprocessor's word for a list
/// @notice A wallet hands its list to the coprocessor, which keeps it and signs an attestation (SPEC 2.7). That
/// goes into the transaction in the place of the list's 16 KB: it begins as the list does, with format 1, and has
/// the list's digest and the signature where the list has ciphertexts. The handles are those of the list. Whole
/// lists, of format 0, are taken as by InputTwin.
/// @dev Whoever holds the coprocessor's key can have a value whose list nobody ever sees, which is never computed.
/// It cannot change what is in a list: the handles commit to its digest.
contract AttestedInputTwin is InputTwin {
    uint8 private constant ATTESTED = 1;

    // What follows the types: digest(32) | r(32) | s(32) | v(1).
    uint256 private constant TAIL = 32 + 65;

    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant ATTESTATION_TYPE =
        keccak256("InputAttestation(bytes32 list,address contractAddress,address user,bytes32[] handles)");

    /// @dev Half the group order: of the two forms of a signature the one with the smaller s is taken.
    uint256 private constant MAX_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice Whose attestations are taken.
    address public immutable coprocessor;

    /// @param coprocessor_ The account that signs attestations.
    constructor(address coprocessor_) {
        // Zero is what ecrecover gives for no signature at all.
        if (coprocessor_ == address(0)) _refuse("the coprocessor's address is zero");
        coprocessor = coprocessor_;
    }

    /// @inheritdoc InputTwin
    function _verify(bytes calldata binding, bytes calldata list) internal view override returns (bytes memory) {
        if (list.length == 0 || uint8(list[0]) != ATTESTED) return super._verify(binding, list);
        if (list.length < TYPES || list.length != TYPES + uint8(list[COUNT]) + TAIL) {
            _refuse("attestation has another length than its values need");
        }
        (uint256 blocks,) = _checkTypes(list);
        _checkBinding(list[1:COUNT], binding);
        bytes calldata tail = list[list.length - TAIL:];
        bytes32[] memory handles = _names(binding, list, bytes32(tail));
        if (_signer(_signed(binding, bytes32(tail), handles), tail[32:]) != coprocessor) {
            _refuse("attestation is not signed by this network's coprocessor: post the input to the node that serves it");
        }
        return abi.encodePacked(bytes32(tail), blocks, handles);
    }

    /// @dev The EIP-712 digest. The verifying contract is the ACL, by which the network's domain goes.
    function _signed(bytes calldata binding, bytes32 list, bytes32[] memory handles) private pure returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                DOMAIN_TYPE,
                keccak256("fhevm"),
                keccak256("1"),
                uint256(uint64(bytes8(binding))),
                address(bytes20(binding[8:]))
            )
        );
        bytes32 attestation = keccak256(
            abi.encode(
                ATTESTATION_TYPE,
                list,
                address(bytes20(binding[BINDING - 40:])),
                address(bytes20(binding[BINDING - 20:])),
                keccak256(abi.encodePacked(handles))
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, attestation));
    }

    /// @dev The account that signed, zero for none.
    function _signer(bytes32 digest, bytes calldata signature) private pure returns (address) {
        bytes32 s = bytes32(signature[32:]);
        if (uint256(s) > MAX_S) return address(0);
        return ecrecover(digest, uint8(signature[64]), bytes32(signature), s);
    }
}
