// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {FHEVMConfig} from "../config/FHEVMConfig.sol";
import {Impl} from "../lib/Impl.sol";

/// @title A contract that delegates decryptions by the library, as a smart account does
contract Delegator is FHEVMConfig {
    function delegate(address to, address[] calldata contracts, uint64 until) external {
        if (contracts.length == 1) Impl.delegateForUserDecryption(to, contracts[0], until);
        else Impl.delegateForUserDecryptions(to, contracts, until);
    }

    function revoke(address to, address[] calldata contracts) external {
        if (contracts.length == 1) Impl.revokeDelegationForUserDecryption(to, contracts[0]);
        else Impl.revokeDelegationsForUserDecryption(to, contracts);
    }

    /// @notice What the library says about a delegation of this contract's, and about its parts.
    function read(address to, address contractAddress, bytes32 handle)
        external
        view
        returns (uint64 until, bool delegated, bool allowed, bool denied)
    {
        until = Impl.getUserDecryptionDelegationExpirationDate(address(this), to, contractAddress);
        delegated = Impl.isDelegatedForUserDecryption(address(this), to, contractAddress, handle);
        allowed = Impl.persistAllowed(handle, address(this));
        denied = Impl.isAccountDenied(to);
    }
}
