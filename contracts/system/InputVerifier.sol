// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {INPUTS_PRECOMPILE} from "../config/Protocol.sol";
import {IInputVerifier} from "../lib/IInputVerifier.sol";
import {Domain} from "./Domain.sol";
import {tload, tstore} from "./Transient.sol";

/// @title Verification of encrypted inputs
contract InputVerifier is IInputVerifier, Domain {
    address private immutable executor;

    /// @param acl_ The contract that keeps rights.
    /// @param executor_ The contract that asks for verification.
    /// @param keyId_ Identifies the network's FHE public key.
    constructor(address acl_, address executor_, bytes32 keyId_) Domain(acl_, keyId_) {
        executor = executor_;
    }

    /// @notice Marks the proxy as set up; it has no state.
    function initialize() external initializer {}

    /// @inheritdoc IInputVerifier
    function verify(address contractAddress, address user, bytes32 handle, bytes calldata list)
        external
        returns (uint256 bootstraps)
    {
        if (msg.sender != executor) revert SenderNotExecutor(msg.sender);
        uint256 binding = uint256(keccak256(abi.encode(contractAddress, user)));
        if (tload(handle) == binding) return 0;
        bootstraps = _accept(contractAddress, user, list, binding);
        if (tload(handle) != binding) revert HandleNotInList(handle);
    }

    /// @inheritdoc IInputVerifier
    function cleanTransientStorage() external pure {}

    /// @notice Name and version of this implementation.
    function getVersion() external pure returns (string memory) {
        return "InputVerifier v0.1.0";
    }

    /// @dev Verifies the list and remembers, for the transaction, for whom its handles are meant.
    function _accept(address contractAddress, address user, bytes calldata list, uint256 binding)
        private
        returns (uint256 bootstraps)
    {
        bytes memory input = abi.encodePacked(_domain(), contractAddress, user, list);
        bytes memory output = _call(_inputs(), input);
        for (uint256 i = 2; i < output.length / 32; i++) {
            tstore(_word(output, i), binding);
        }
        emit InputList(_word(output, 0), contractAddress, user, list);
        return uint256(_word(output, 1));
    }

    /// @dev The contract that names inputs: the precompile, where it is not its twin.
    function _inputs() internal view virtual returns (address) {
        return INPUTS_PRECOMPILE;
    }
}
