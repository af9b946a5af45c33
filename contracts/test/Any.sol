// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {FHEVMConfig} from "../config/FHEVMConfig.sol";
import {FheType} from "../lib/FheType.sol";
import {Impl} from "../lib/Impl.sol";

/// @title Any operation on any type, for the tool that runs all of them on a chain
contract Any is FHEVMConfig {
    /// @notice The results of an operation, which the sender may decrypt.
    event Results(bytes32[] results);

    /// @notice Takes inputs.
    function load(FheType[] calldata types, bytes32[] calldata handles, bytes calldata proof) external {
        for (uint256 i = 0; i < handles.length; i++) {
            Impl.allow(Impl.fromExternal(handles[i], proof, types[i]), address(this));
        }
    }

    /// @notice Orders an operation by its number, as the executor takes it.
    function order(uint8 op, FheType fheType, bytes32[] calldata operands, uint256 clear, bytes calldata table) external {
        _keep(Impl.executor().order(op, fheType, operands, clear, table));
    }

    /// @notice Draws a random value, below a bound unless that is 0.
    function draw(FheType fheType, uint256 bound) external {
        bytes32[] memory results = new bytes32[](1);
        results[0] = bound == 0 ? Impl.executor().fheRand(fheType) : Impl.executor().fheRandBounded(bound, fheType);
        _keep(results);
    }

    /// @notice Encrypts a public number that the sender may decrypt, and everyone may open.
    function publish(FheType fheType, uint256 value) external {
        bytes32[] memory results = new bytes32[](1);
        results[0] = Impl.executor().trivialEncrypt(value, fheType);
        Impl.makePubliclyDecryptable(results[0]);
        _keep(results);
    }

    function _keep(bytes32[] memory results) private {
        for (uint256 i = 0; i < results.length; i++) {
            Impl.allow(results[i], address(this));
            Impl.allow(results[i], msg.sender);
        }
        emit Results(results);
    }
}
