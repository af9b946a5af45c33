// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {FHEVMConfig} from "fhevm-contracts/config/FHEVMConfig.sol";
import {FHE, ebool, eint8, euint8, externalEint8} from "fhevm-contracts/lib/FHE.sol";

/// @title A public decision tree that classifies encrypted features
/// @notice The owner of the features alone reads the class. Every node is evaluated for everyone: which way a
/// sample takes must not show. The tree is complete and stands as a heap: the children of node i are 2i+1
/// (the feature is at most the threshold) and 2i+2 (above it), and the leaves follow the nodes.
contract DecisionTree is FHEVMConfig {
    using FHE for ebool;
    using FHE for eint8;
    using FHE for euint8;

    struct Node {
        uint8 feature;
        int8 threshold;
    }

    /// @dev A sample of the largest tree takes less than half of a transaction's gas.
    uint256 private constant MAX_NODES = 63;
    uint256 private constant MAX_FEATURES = 32;

    /// @notice How many features a sample has.
    uint256 public immutable features;

    /// @notice The class of an account's latest sample, which it may decrypt.
    mapping(address account => euint8) public classOf;

    Node[] private nodes;
    uint8[] private leaves;

    event Classified(address indexed account, euint8 class);

    /// @notice The nodes are 2^d - 1, at most 63, and one fewer than the leaves; each names one of at most 32 features.
    error InvalidTree();
    error WrongNumberOfFeatures(uint256 given, uint256 wanted);

    constructor(Node[] memory nodes_, uint8[] memory leaves_, uint8 features_) {
        if (leaves_.length < 2 || leaves_.length & (leaves_.length - 1) != 0 || nodes_.length + 1 != leaves_.length) {
            revert InvalidTree();
        }
        if (nodes_.length > MAX_NODES || features_ > MAX_FEATURES) revert InvalidTree();
        for (uint256 i = 0; i < nodes_.length; i++) {
            if (nodes_[i].feature >= features_) revert InvalidTree();
            nodes.push(nodes_[i]);
        }
        (leaves, features) = (leaves_, features_);
    }

    /// @notice Classifies a sample whose features, from -128 to 127, come in one input list.
    /// @return class What only the sender can decrypt.
    function classify(externalEint8[] calldata sample, bytes calldata proof) external returns (euint8 class) {
        if (sample.length != features) revert WrongNumberOfFeatures(sample.length, features);
        eint8[] memory values = new eint8[](features);
        for (uint256 i = 0; i < features; i++) {
            values[i] = FHE.fromExternal(sample[i], proof);
        }
        class = _root(values).allowBoth(msg.sender);
        classOf[msg.sender] = class;
        emit Classified(msg.sender, class);
    }

    /// @dev From the leaves up: a node's result is that of the child its comparison chooses.
    function _root(eint8[] memory values) private returns (euint8) {
        uint256 inner = nodes.length;
        euint8[] memory results = new euint8[](2 * inner + 1);
        for (uint256 i = 0; i <= inner; i++) {
            results[inner + i] = FHE.asEuint8(leaves[i]);
        }
        for (uint256 i = inner; i > 0; i--) {
            Node storage node = nodes[i - 1];
            ebool above = values[node.feature].gt(node.threshold);
            results[i - 1] = above.select(results[2 * i], results[2 * i - 1]);
        }
        return results[0];
    }
}
