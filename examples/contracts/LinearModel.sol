// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {FHEVMConfig} from "fhevm-contracts/config/FHEVMConfig.sol";
import {FHE, ebool, eint16, eint8, euint8, externalEint8} from "fhevm-contracts/lib/FHE.sol";

/// @title A public linear model, quantised to 8 bits, that classifies encrypted features
/// @notice A class scores the sum of features times weights, plus a bias; the highest score wins, of equal ones
/// the first class's. The owner of the features alone reads the class, and nobody the scores.
/// @dev Encrypted arithmetic wraps around silently, so the constructor proves that no sample can overflow a score.
contract LinearModel is FHEVMConfig {
    using FHE for ebool;
    using FHE for eint16;
    using FHE for eint8;
    using FHE for euint8;

    uint256 private constant LARGEST_FEATURE = 128;
    uint256 private constant LARGEST_SCORE = uint256(uint16(type(int16).max));

    /// @dev A sample of the largest model takes less than three quarters of a transaction's gas.
    uint256 private constant MAX_CLASSES = 16;
    uint256 private constant MAX_FEATURES = 16;

    /// @notice The class of an account's latest sample, which it may decrypt.
    mapping(address account => euint8) public classOf;

    int8[][] private weights; // by class and feature
    int16[] private biases;

    event Classified(address indexed account, euint8 class);

    /// @notice There are 1 to 16 classes, with a bias and the same number of weights each, at most 16.
    error InvalidModel();

    /// @notice The sum of 128 times each weight's size, and the bias's, exceeds 32767: quantise more coarsely.
    error ModelOverflows(uint256 class, uint256 largestScore);
    error WrongNumberOfFeatures(uint256 given, uint256 wanted);

    constructor(int8[][] memory weights_, int16[] memory biases_) {
        if (biases_.length == 0 || biases_.length > MAX_CLASSES || weights_.length != biases_.length) revert InvalidModel();
        if (weights_[0].length > MAX_FEATURES) revert InvalidModel();
        for (uint256 c = 0; c < biases_.length; c++) {
            if (weights_[c].length != weights_[0].length) revert InvalidModel();
            uint256 largest = _largestScore(weights_[c], biases_[c]);
            if (largest > LARGEST_SCORE) revert ModelOverflows(c, largest);
        }
        (weights, biases) = (weights_, biases_);
    }

    /// @notice Classifies a sample whose features, from -128 to 127, come in one input list.
    /// @return class What only the sender can decrypt.
    function classify(externalEint8[] calldata sample, bytes calldata proof) external returns (euint8 class) {
        if (sample.length != weights[0].length) revert WrongNumberOfFeatures(sample.length, weights[0].length);
        eint16[] memory features = new eint16[](sample.length);
        for (uint256 i = 0; i < sample.length; i++) {
            features[i] = FHE.asEint16(FHE.fromExternal(sample[i], proof));
        }
        class = _best(features).allowBoth(msg.sender);
        classOf[msg.sender] = class;
        emit Classified(msg.sender, class);
    }

    function _best(eint16[] memory features) private returns (euint8 class) {
        class = FHE.asEuint8(0);
        eint16 highest = _score(0, features);
        for (uint8 c = 1; c < biases.length; c++) {
            eint16 score = _score(c, features);
            ebool higher = score.gt(highest);
            highest = higher.select(score, highest);
            class = higher.select(FHE.asEuint8(c), class);
        }
    }

    function _score(uint256 class, eint16[] memory features) private returns (eint16) {
        eint16[] memory terms = new eint16[](features.length + 1);
        for (uint256 i = 0; i < features.length; i++) {
            terms[i] = features[i].mul(int16(weights[class][i]));
        }
        terms[features.length] = FHE.asEint16(biases[class]);
        return FHE.sum(terms);
    }

    function _largestScore(int8[] memory row, int16 bias) private pure returns (uint256 largest) {
        largest = _size(bias);
        for (uint256 i = 0; i < row.length; i++) {
            largest += LARGEST_FEATURE * _size(row[i]);
        }
    }

    function _size(int256 value) private pure returns (uint256) {
        return uint256(value < 0 ? -value : value);
    }
}
