// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {FHEVMConfig} from "../config/FHEVMConfig.sol";
import {FHE} from "../lib/FHE.sol";

/// @title A contract that delegates decryptions by the library, as a smart account does
contract Delegator is FHEVMConfig {
    function delegate(address to, address[] calldata contracts, uint64 until) external {
        if (contracts.length == 1) FHE.delegateUserDecryption(to, contracts[0], until);
        else FHE.delegateUserDecryptions(to, contracts, until);
    }

    function delegateForEver(address to, address[] calldata contracts) external {
        if (contracts.length == 1) FHE.delegateUserDecryptionWithoutExpiration(to, contracts[0]);
        else FHE.delegateUserDecryptionsWithoutExpiration(to, contracts);
    }

    function revoke(address to, address[] calldata contracts) external {
        if (contracts.length == 1) FHE.revokeUserDecryptionDelegation(to, contracts[0]);
        else FHE.revokeUserDecryptionDelegations(to, contracts);
    }

    /// @notice What the library says about a delegation of this contract's, and about its parts.
    function read(address to, address contractAddress, bytes32 handle)
        external
        view
        returns (uint64 until, bool delegated, bool decryptable, bool denied)
    {
        until = FHE.getDelegatedUserDecryptionExpirationDate(address(this), to, contractAddress);
        delegated = FHE.isDelegatedForUserDecryption(address(this), to, contractAddress, handle);
        decryptable = FHE.isUserDecryptable(handle, address(this), contractAddress);
        denied = FHE.isAccountDenied(to);
    }
}
