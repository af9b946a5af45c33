// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {CoprocessorConfig, Impl} from "../lib/Impl.sol";
import {ACL_ADDRESS, DECRYPTION_VERIFIER_ADDRESS, DEV_CHAIN_ID, EXECUTOR_ADDRESS} from "./Protocol.sol";

/// @title Where the system contracts of each chain are
library ZamaConfig {
    /// @notice This chain has no known system contracts: deploy to chain 31337, or call
    /// FHE.setCoprocessor with the addresses of yours.
    error ZamaProtocolUnsupported();

    /// @notice The system contracts of this chain.
    function getEthereumCoprocessorConfig() internal view returns (CoprocessorConfig memory) {
        if (block.chainid != DEV_CHAIN_ID) revert ZamaProtocolUnsupported();
        return CoprocessorConfig({
            ACLAddress: ACL_ADDRESS,
            CoprocessorAddress: EXECUTOR_ADDRESS,
            KMSVerifierAddress: DECRYPTION_VERIFIER_ADDRESS
        });
    }
}

/// @title Sets the system contracts of this chain when a contract is created
abstract contract ZamaEthereumConfig {
    constructor() {
        Impl.setCoprocessor(ZamaConfig.getEthereumCoprocessorConfig());
    }
}
