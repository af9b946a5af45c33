// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {FHEVMExecutor} from "../system/FHEVMExecutor.sol";
import {InputVerifier} from "../system/InputVerifier.sol";

/// @title The executor of a chain without precompile 0x5d
contract AttachedExecutor is FHEVMExecutor {
    address private immutable twin;

    /// @param twin_ An OperationTwin. The others are FHEVMExecutor's.
    constructor(address acl_, address inputVerifier_, bytes32 keyId_, address twin_)
        FHEVMExecutor(acl_, inputVerifier_, keyId_)
    {
        twin = twin_;
    }

    function _operations() internal view override returns (address) {
        return twin;
    }
}

/// @title The input verifier of a chain without precompile 0x5e
contract AttachedInputVerifier is InputVerifier {
    address private immutable twin;

    /// @param twin_ An InputTwin. The others are InputVerifier's.
    constructor(address acl_, address executor_, bytes32 keyId_, address twin_) InputVerifier(acl_, executor_, keyId_) {
        twin = twin_;
    }

    function _inputs() internal view override returns (address) {
        return twin;
    }
}
