// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ZamaEthereumConfig} from "./ZamaConfig.sol";

/// @title Base of every confidential contract: sets the system contracts of this chain
abstract contract FHEVMConfig is ZamaEthereumConfig {}
