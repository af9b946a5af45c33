// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ConfidentialToken} from "fhevm-contracts/examples/ConfidentialToken.sol";

/// @title The example token, as a project of its own uses it
contract Token is ConfidentialToken("Confidential Dollar", "cUSD") {}
