// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {MulticallUpgradeable} from "@openzeppelin/contracts-upgradeable/utils/MulticallUpgradeable.sol";
import {IACL} from "../lib/IACL.sol";
import {Delegations} from "./Delegations.sol";
import {Rights} from "./Rights.sol";

/// @title Rights on encrypted values
/// @notice Also names the owner, whom every other system contract asks for here. The owner upgrades
/// the system contracts, changes the committee, ends pauses, names pausers and keeps the deny list.
/// It cannot give itself a right without an upgrade, which everyone sees.
contract ACL is Delegations, MulticallUpgradeable, UUPSUpgradeable {
    /// @param executor_ The contract that owns every new handle and gives it to its maker.
    constructor(address executor_) Rights(executor_) {
        _disableInitializers();
    }

    /// @notice Names the first owner, which is not zero.
    function initialize(address owner_) external initializer {
        __Ownable_init(owner_);
    }

    /// @inheritdoc IACL
    function multicall(bytes[] calldata data)
        public
        override(IACL, MulticallUpgradeable)
        returns (bytes[] memory results)
    {
        return super.multicall(data);
    }

    /// @notice Name and version of this implementation.
    function getVersion() external pure returns (string memory) {
        return "ACL v0.1.0";
    }

    /// @dev Whom UUPSUpgradeable lets replace the implementation.
    function _authorizeUpgrade(address) internal view override onlyOwner {}
}
