// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";

/// @title A system contract that the owner of the ACL governs
/// @notice Lives behind an ERC-1967 proxy. The owner may be an account, a timelock or a multisig.
/// @dev State stands in ERC-7201 namespaces, which an upgrade may only append to (layouts/).
/// Immutables belong to the implementation. The implementation itself cannot be initialised, and
/// holds no rights: other system contracts know the proxy's address alone.
abstract contract Governed is Initializable, UUPSUpgradeable {
    /// @dev The contract that keeps the rights on this network's handles, and names the owner.
    address internal immutable acl;

    /// @notice Only the owner of the system contracts may do this: call from the account that
    /// ACL.owner() returns.
    error NotHostOwner(address sender);

    modifier onlyOwner() {
        if (msg.sender != Ownable(acl).owner()) revert NotHostOwner(msg.sender);
        _;
    }

    constructor(address acl_) {
        acl = acl_;
        _disableInitializers();
    }

    /// @dev Whom UUPSUpgradeable lets replace the implementation.
    function _authorizeUpgrade(address) internal view override onlyOwner {}
}
