// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ConfidentialToken} from "fhevm-contracts/examples/ConfidentialToken.sol";

/// @title The token of the library's guide, as a project inherits it
contract ConfidentialDollar is ConfidentialToken("Confidential Dollar", "cUSD") {}
