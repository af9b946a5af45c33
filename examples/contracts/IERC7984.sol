// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ebool, euint64, externalEuint64} from "fhevm-contracts/lib/FHE.sol";

/// @title The functions and events of ERC-7984, a token with encrypted balances
/// @notice An amount comes either as an input with its proof, or as a handle on which the sender holds a
/// right. Every transfer returns what moved, which is zero where the balance did not suffice.
interface IERC7984 {
    /// @notice `operator` may move the tokens of `holder` up to and including the Unix time `until`.
    event OperatorSet(address indexed holder, address indexed operator, uint48 until);

    /// @notice `amount` moved; `from` is zero for a mint, `to` for a burn.
    event ConfidentialTransfer(address indexed from, address indexed to, euint64 indexed amount);

    function name() external view returns (string memory);
    function symbol() external view returns (string memory);
    function decimals() external view returns (uint8);
    function contractURI() external view returns (string memory);
    function confidentialTotalSupply() external view returns (euint64);
    function confidentialBalanceOf(address account) external view returns (euint64);
    function isOperator(address holder, address spender) external view returns (bool);
    function setOperator(address operator, uint48 until) external;

    function confidentialTransfer(address to, externalEuint64 amount, bytes calldata proof) external returns (euint64);
    function confidentialTransfer(address to, euint64 amount) external returns (euint64);
    function confidentialTransferFrom(address from, address to, externalEuint64 amount, bytes calldata proof)
        external
        returns (euint64);
    function confidentialTransferFrom(address from, address to, euint64 amount) external returns (euint64);

    function confidentialTransferAndCall(address to, externalEuint64 amount, bytes calldata proof, bytes calldata data)
        external
        returns (euint64);
    function confidentialTransferAndCall(address to, euint64 amount, bytes calldata data) external returns (euint64);
    function confidentialTransferFromAndCall(
        address from,
        address to,
        externalEuint64 amount,
        bytes calldata proof,
        bytes calldata data
    ) external returns (euint64);
    function confidentialTransferFromAndCall(address from, address to, euint64 amount, bytes calldata data)
        external
        returns (euint64);
}

/// @title What a contract implements to hear of tokens that it receives
interface IERC7984Receiver {
    /// @notice `amount` has arrived, and returns to `from` where the answer is an encryption of false.
    /// @return accepted A value on which receiver and token both hold a right: the receiver calls
    /// FHE.allowTransient(accepted, msg.sender).
    function onConfidentialTransferReceived(address operator, address from, euint64 amount, bytes calldata data)
        external
        returns (ebool accepted);
}
