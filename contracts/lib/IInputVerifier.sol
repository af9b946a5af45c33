// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title Verification of encrypted inputs
interface IInputVerifier {
    /// @notice A list of encrypted inputs was accepted; `digest` is its Keccak-256. Emitted once
    /// for each list and transaction.
    event InputList(bytes32 indexed digest, address indexed contractAddress, address indexed user, bytes list);

    /// @notice Only the executor asks for verification.
    error SenderNotExecutor(address sender);

    /// @notice The list is valid but names no such handle: pass the handles and the proof that one
    /// encryption returned together.
    error HandleNotInList(bytes32 handle);

    /// @notice Accepts `handle` as a value of `list`, encrypted by `user` for `contractAddress`, or
    /// reverts. Further values of a list accepted in this transaction cost a look-up.
    /// @return bootstraps The work that the list orders from coprocessors, 0 if it was accepted before.
    function verify(address contractAddress, address user, bytes32 handle, bytes calldata list)
        external
        returns (uint256 bootstraps);

    /// @notice Does nothing. What the verifier remembers within a transaction is knowledge about
    /// public data and not a right.
    function cleanTransientStorage() external;
}
