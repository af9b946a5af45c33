// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title Rights on encrypted values
/// @notice An account with a right on a handle may compute with it and pass the right on. A user
/// decrypts a value when both the user and a contract hold persistent rights on it; so does a
/// delegate that the user named for the contract. Nothing takes a persistent right back.
/// @dev While the network is paused, rights can be given up but not given. Times are Unix seconds.
interface IACL {
    /// @notice `caller` gave `account` a persistent right on `handle`.
    event Allowed(address indexed caller, address indexed account, bytes32 handle);

    /// @notice `caller` let everyone decrypt the values of `handlesList`.
    event AllowedForDecryption(address indexed caller, bytes32[] handlesList);

    /// @notice `delegator` lets `delegate` decrypt what both the delegator and `contractAddress` hold
    /// rights on, until `newExpirationDate`; before, it was until `oldExpirationDate`. The counter
    /// orders the changes of this triple.
    event DelegatedForUserDecryption(
        address indexed delegator,
        address indexed delegate,
        address contractAddress,
        uint64 delegationCounter,
        uint64 oldExpirationDate,
        uint64 newExpirationDate
    );

    /// @notice `delegator` took the delegation of this triple back.
    event RevokedDelegationForUserDecryption(
        address indexed delegator,
        address indexed delegate,
        address contractAddress,
        uint64 delegationCounter,
        uint64 oldExpirationDate
    );

    /// @notice The decryption permits of `account` that begin before `beforeTimestamp` are void.
    event DecryptionSignaturesInvalidated(address indexed account, uint256 beforeTimestamp);

    /// @notice The owner put `account` on the deny list.
    event BlockedAccount(address indexed account);

    /// @notice The owner took `account` off the deny list.
    event UnblockedAccount(address indexed account);

    /// @notice The owner let `account` pause the network.
    event AddPauser(address account);

    /// @notice The owner no longer lets `account` pause the network.
    event RemovePauser(address account);

    /// @notice `sender` has no right on the handle that it wants to share: a contract keeps its
    /// right on a result beyond the transaction with FHE.allowThis.
    error SenderNotAllowed(address sender);

    /// @notice `sender` is on the deny list: only the network's owner takes it off.
    error SenderDenied(address sender);

    /// @notice The list is empty: name the handles to make public.
    error HandlesListIsEmpty();

    /// @notice This triple was changed in this block already: send the change in a later one.
    error AlreadyDelegatedOrRevokedInSameBlock(
        address delegator, address delegate, address contractAddress, uint256 blockNumber
    );

    /// @notice A contract's values are the users', not its own to delegate: name another contract.
    error SenderCannotBeContractAddress(address contractAddress);

    /// @notice The sender decrypts its own values without a delegation: name another delegate.
    error SenderCannotBeDelegate(address delegate);

    /// @notice The delegate and the contract are one: name an account that signs permits.
    error DelegateCannotBeContractAddress(address contractAddress);

    /// @notice The address that stands for all contracts signs nothing: name another delegate.
    error DelegateCannotBeWildcard(address delegate);

    /// @notice The expiration date has passed: name a time after this block's.
    error ExpirationDateInThePast();

    /// @notice The delegation ends at this very time already.
    error ExpirationDateAlreadySetToSameValue(
        address delegator, address delegate, address contractAddress, uint256 expirationDate
    );

    /// @notice There is no such delegation to take back.
    error NotDelegatedYet(address delegator, address delegate, address contractAddress);

    /// @notice Permits that begin before `current` are void already: name a later time.
    error InvalidationNotLater(uint256 timestamp, uint256 current);

    /// @notice At most a year ahead, `latest`: was the time given in milliseconds?
    error InvalidationTooLate(uint256 timestamp, uint256 latest);

    /// @notice The account is on the deny list already.
    error AccountAlreadyBlocked(address account);

    /// @notice The account is not on the deny list.
    error AccountNotBlocked(address account);

    /// @notice The account is a pauser already.
    error AccountAlreadyPauser(address account);

    /// @notice The account is no pauser.
    error AccountNotPauser(address account);

    /// @notice `sender` may not pause: the owner names pausers with addPauser.
    error NotPauser(address sender);

    /// @notice The network cannot be left without an owner: use transferOwnership.
    error OwnershipCannotBeRenounced();

    /// @notice Gives `account` a right on `handle` for ever. The sender must hold one.
    function allow(bytes32 handle, address account) external;

    /// @notice Gives both the sender and `account` a right on `handle` for ever, as two calls of allow.
    function allowBoth(bytes32 handle, address account) external;

    /// @notice Gives `account` a right on `handle` until the end of the transaction. The sender
    /// must hold one, or be the executor.
    function allowTransient(bytes32 handle, address account) external;

    /// @notice Lets everyone decrypt `handlesList`, for ever. The sender must hold a right on each.
    function allowForDecryption(bytes32[] calldata handlesList) external;

    /// @notice Ends all rights that last for the transaction. A bundler of account abstraction
    /// calls it between operations of different users, which share one transaction.
    function cleanTransientStorage() external;

    /// @notice Lets `delegate` decrypt, by permits of its own, what both the sender and
    /// `contractAddress` hold persistent rights on.
    /// @param contractAddress One contract, or 0xFFfFfFffFFfffFFfFFfFFFFFffFFFffffFfFFFfF for all.
    /// @param expirationDate Unix seconds, later than now; it works up to and including then.
    function delegateForUserDecryption(address delegate, address contractAddress, uint64 expirationDate) external;

    /// @notice Takes a delegation back, for permits signed before as well. Works while paused.
    function revokeDelegationForUserDecryption(address delegate, address contractAddress) external;

    /// @notice Voids the sender's decryption permits that begin before `timestamp`, for ever. Works
    /// while paused.
    /// @param timestamp Unix seconds, later than any given before, at most a year ahead; 0 is now.
    function invalidateDecryptionSignaturesBefore(uint256 timestamp) external;

    /// @notice Makes several calls of this contract as the sender: all of them or none.
    function multicall(bytes[] calldata data) external returns (bytes[] memory results);

    /// @notice Whether `account` holds a right on `handle`, persistent or for the transaction.
    function isAllowed(bytes32 handle, address account) external view returns (bool);

    /// @notice Whether `account` holds a persistent right on `handle`.
    function persistAllowed(bytes32 handle, address account) external view returns (bool);

    /// @notice Whether `account` holds a right on `handle` for the transaction.
    function allowedTransient(bytes32 handle, address account) external view returns (bool);

    /// @notice Whether everyone may decrypt `handle`.
    function isAllowedForDecryption(bytes32 handle) external view returns (bool);

    /// @notice When the delegation of exactly this triple ends, in Unix seconds; 0 if there is none.
    function getUserDecryptionDelegationExpirationDate(address delegator, address delegate, address contractAddress)
        external
        view
        returns (uint64);

    /// @notice Whether `delegate` may decrypt `handle` for `delegator` now: delegator and contract
    /// hold persistent rights, and a delegation for the contract or for all contracts is in force. The
    /// contract is neither of the two.
    function isHandleDelegatedForUserDecryption(
        address delegator,
        address delegate,
        address contractAddress,
        bytes32 handle
    ) external view returns (bool);

    /// @notice The time before which the decryption permits of `account` must not begin.
    function decryptionSignatureInvalidatedBefore(address account) external view returns (uint256);

    /// @notice Whether `account` is on the deny list.
    function isAccountDenied(address account) external view returns (bool);
}
