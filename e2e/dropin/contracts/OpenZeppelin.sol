// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.27;

// All of OpenZeppelin's confidential contracts: a test compares the list with the package.
import "@openzeppelin/confidential-contracts/finance/BatcherConfidential.sol";
import "@openzeppelin/confidential-contracts/finance/ERC7821WithExecutor.sol";
import "@openzeppelin/confidential-contracts/finance/VestingWalletCliffConfidential.sol";
import "@openzeppelin/confidential-contracts/finance/VestingWalletConfidential.sol";
import "@openzeppelin/confidential-contracts/finance/VestingWalletConfidentialFactory.sol";
import "@openzeppelin/confidential-contracts/governance/utils/VotesConfidential.sol";
import "@openzeppelin/confidential-contracts/interfaces/IERC7984.sol";
import "@openzeppelin/confidential-contracts/interfaces/IERC7984ERC20Wrapper.sol";
import "@openzeppelin/confidential-contracts/interfaces/IERC7984HookModule.sol";
import "@openzeppelin/confidential-contracts/interfaces/IERC7984Receiver.sol";
import "@openzeppelin/confidential-contracts/interfaces/IERC7984Rwa.sol";
import "@openzeppelin/confidential-contracts/token/ERC7984/ERC7984.sol";
import "@openzeppelin/confidential-contracts/token/ERC7984/extensions/ERC7984ERC20Wrapper.sol";
import "@openzeppelin/confidential-contracts/token/ERC7984/extensions/ERC7984Freezable.sol";
import "@openzeppelin/confidential-contracts/token/ERC7984/extensions/ERC7984Hooked.sol";
import "@openzeppelin/confidential-contracts/token/ERC7984/extensions/ERC7984ObserverAccess.sol";
import "@openzeppelin/confidential-contracts/token/ERC7984/extensions/ERC7984Omnibus.sol";
import "@openzeppelin/confidential-contracts/token/ERC7984/extensions/ERC7984Restricted.sol";
import "@openzeppelin/confidential-contracts/token/ERC7984/extensions/ERC7984Rwa.sol";
import "@openzeppelin/confidential-contracts/token/ERC7984/extensions/ERC7984Votes.sol";
import "@openzeppelin/confidential-contracts/token/ERC7984/utils/ERC7984BalanceCapHookModule.sol";
import "@openzeppelin/confidential-contracts/token/ERC7984/utils/ERC7984HolderCapHookModule.sol";
import "@openzeppelin/confidential-contracts/token/ERC7984/utils/ERC7984HookModule.sol";
import "@openzeppelin/confidential-contracts/token/ERC7984/utils/ERC7984Utils.sol";
import "@openzeppelin/confidential-contracts/utils/FHESafeMath.sol";
import "@openzeppelin/confidential-contracts/utils/HandleAccessManager.sol";
import "@openzeppelin/confidential-contracts/utils/structs/CheckpointsConfidential.sol";
