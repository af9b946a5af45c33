// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {CoprocessorConfig, Impl} from "../lib/Impl.sol";
import {ACL_ADDRESS, DECRYPTION_VERIFIER_ADDRESS, DEV_CHAIN_ID, EXECUTOR_ADDRESS} from "./Protocol.sol";

/// @title Where the system contracts of each chain are
/// @dev Existing contracts call these functions by these names. Only chain 31337 is known.
library ZamaConfig {
    /// @notice This chain has no known system contracts: deploy to chain 31337, or call
    /// FHE.setCoprocessor with the addresses of yours.
    error ZamaProtocolUnsupported();

    /// @notice The system contracts of this chain; reverts where they are not known.
    function getCoprocessorConfig() internal view returns (CoprocessorConfig memory) {
        if (block.chainid != DEV_CHAIN_ID) revert ZamaProtocolUnsupported();
        return CoprocessorConfig({
            ACLAddress: ACL_ADDRESS,
            CoprocessorAddress: EXECUTOR_ADDRESS,
            KMSVerifierAddress: DECRYPTION_VERIFIER_ADDRESS
        });
    }

    /// @notice The same.
    function getEthereumCoprocessorConfig() internal view returns (CoprocessorConfig memory) {
        return getCoprocessorConfig();
    }

    /// @notice The same.
    function getPolygonCoprocessorConfig() internal view returns (CoprocessorConfig memory) {
        return getCoprocessorConfig();
    }

    /// @notice Tells wallets which network a contract computes on: 2^256 - 1 is a development
    /// network, 0 one that is not known.
    function getConfidentialProtocolId() internal view returns (uint256) {
        return block.chainid == DEV_CHAIN_ID ? type(uint256).max : 0;
    }
}

/// @title Sets the system contracts of this chain when a contract is created
abstract contract ZamaEthereumConfig {
    constructor() {
        Impl.setCoprocessor(ZamaConfig.getCoprocessorConfig());
    }

    /// @notice The network that this contract computes on: 2^256 - 1 is a development network.
    function confidentialProtocolId() public view returns (uint256) {
        return ZamaConfig.getConfidentialProtocolId();
    }
}

/// @title The same under another name of existing contracts
abstract contract ZamaPolygonConfig is ZamaEthereumConfig {}

/// @title The same under another name of existing contracts
abstract contract ZamaMultiChainConfig is ZamaEthereumConfig {}

/// @title The same under an earlier name of existing contracts
abstract contract SepoliaConfig is ZamaEthereumConfig {}
