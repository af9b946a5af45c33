// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title Rights on encrypted values
/// @notice An account with a right on a handle may compute with it and pass the right on. A user
/// decrypts a value when both the user and a contract hold persistent rights on it. Nothing takes
/// a persistent right back.
interface IACL {
    /// @notice `caller` gave `account` a persistent right on `handle`.
    event Allowed(address indexed caller, address indexed account, bytes32 handle);

    /// @notice `caller` let everyone decrypt the values of `handlesList`.
    event AllowedForDecryption(address indexed caller, bytes32[] handlesList);

    /// @notice `sender` has no right on the handle that it wants to share: a contract keeps its
    /// right on a result beyond the transaction with FHE.allowThis.
    error SenderNotAllowed(address sender);

    /// @notice Gives `account` a right on `handle` for ever.
    function allow(bytes32 handle, address account) external;

    /// @notice Gives `account` a right on `handle` until the end of the transaction.
    function allowTransient(bytes32 handle, address account) external;

    /// @notice Lets everyone decrypt `handlesList`, for ever.
    function allowForDecryption(bytes32[] calldata handlesList) external;

    /// @notice Ends all rights that last for the transaction. A bundler of account abstraction
    /// calls it between operations of different users, which share one transaction.
    function cleanTransientStorage() external;

    /// @notice Whether `account` holds a right on `handle`, persistent or for the transaction.
    function isAllowed(bytes32 handle, address account) external view returns (bool);

    /// @notice Whether `account` holds a persistent right on `handle`.
    function persistAllowed(bytes32 handle, address account) external view returns (bool);

    /// @notice Whether `account` holds a right on `handle` for the transaction.
    function allowedTransient(bytes32 handle, address account) external view returns (bool);

    /// @notice Whether everyone may decrypt `handle`.
    function isAllowedForDecryption(bytes32 handle) external view returns (bool);
}
