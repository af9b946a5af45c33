// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {FHEVMConfig} from "../config/FHEVMConfig.sol";
import {FHE, ebool, euint64, externalEuint64} from "../lib/FHE.sol";

/// @title A token whose balances and amounts are encrypted
/// @notice Everyone sees who sends to whom; nobody but the parties sees how much. A transfer beyond
/// the balance or the allowance moves zero and does not revert, since a revert would tell.
contract ConfidentialToken is FHEVMConfig {
    /// @notice One token is 10^6 units.
    uint8 public constant decimals = 6;

    string public name;
    string public symbol;

    /// @notice Who may mint and publish the total supply.
    address public immutable owner;

    /// @notice The total supply when it was last made public.
    uint64 public publishedTotalSupply;

    mapping(address account => euint64) private balances;
    mapping(address holder => mapping(address spender => euint64)) private allowances;
    euint64 private supply;
    euint64 private requestedSupply;

    /// @notice `from` (zero: minted) sent `to` an encrypted amount, which may be zero.
    event Transfer(address indexed from, address indexed to);

    /// @notice `holder` set the encrypted allowance of `spender`.
    event Approval(address indexed holder, address indexed spender);

    /// @notice The total supply behind `handle` may be decrypted by everyone.
    event TotalSupplyRequested(bytes32 indexed handle);

    /// @notice The total supply was `value`.
    event TotalSupplyPublished(uint64 value);

    error NotOwner(address sender);

    /// @notice Call requestTotalSupply first; each request is finalised once.
    error TotalSupplyNotRequested();

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        _;
    }

    constructor(string memory name_, string memory symbol_) {
        (name, symbol, owner) = (name_, symbol_, msg.sender);
        supply = FHE.allowThis(FHE.asEuint64(0));
    }

    /// @notice The encrypted balance of `account`, which `account` may decrypt.
    function confidentialBalanceOf(address account) external view returns (euint64) {
        return balances[account];
    }

    /// @notice The encrypted amount that `spender` may still transfer, which both may decrypt.
    function confidentialAllowance(address holder, address spender) external view returns (euint64) {
        return allowances[holder][spender];
    }

    /// @notice The encrypted total supply.
    function confidentialTotalSupply() external view returns (euint64) {
        return supply;
    }

    /// @notice Creates an encrypted amount; zero if the total supply would overflow.
    function mint(address to, externalEuint64 encryptedAmount, bytes calldata proof) external onlyOwner {
        euint64 amount = FHE.fromExternal(encryptedAmount, proof);
        ebool fits = FHE.le(amount, FHE.not(supply));
        euint64 minted = FHE.select(fits, amount, 0);
        supply = FHE.allowThis(FHE.add(supply, minted));
        _credit(to, minted);
        emit Transfer(address(0), to);
    }

    /// @notice Sends an encrypted amount; zero if it exceeds the sender's balance.
    /// @return sent What moved; the caller may compute with it in this transaction.
    function transfer(address to, externalEuint64 encryptedAmount, bytes calldata proof)
        external
        returns (euint64 sent)
    {
        euint64 amount = FHE.fromExternal(encryptedAmount, proof);
        euint64 held = balances[msg.sender];
        return _transfer(msg.sender, held, to, amount, FHE.le(amount, held));
    }

    /// @notice Lets `spender` transfer up to an encrypted amount of the sender's tokens.
    function approve(address spender, externalEuint64 encryptedAmount, bytes calldata proof) external {
        _setAllowance(msg.sender, spender, FHE.fromExternal(encryptedAmount, proof));
        emit Approval(msg.sender, spender);
    }

    /// @notice Sends an encrypted amount of `from`'s tokens; zero if it exceeds the balance or the
    /// sender's allowance.
    /// @return sent What moved; the caller may compute with it in this transaction.
    function transferFrom(address from, address to, externalEuint64 encryptedAmount, bytes calldata proof)
        external
        returns (euint64 sent)
    {
        euint64 amount = FHE.fromExternal(encryptedAmount, proof);
        euint64 allowed = allowances[from][msg.sender];
        euint64 held = balances[from];
        ebool may = FHE.and(FHE.le(amount, allowed), FHE.le(amount, held));
        sent = _transfer(from, held, to, amount, may);
        _setAllowance(from, msg.sender, FHE.sub(allowed, sent));
    }

    /// @notice Lets everyone decrypt the total supply of this moment. Between two requests lies what
    /// was minted, so the owner decides when.
    function requestTotalSupply() external onlyOwner {
        requestedSupply = FHE.makePubliclyDecryptable(supply);
        emit TotalSupplyRequested(FHE.toBytes32(supply));
    }

    /// @notice Stores the decrypted total supply that was requested last.
    /// @param proof The committee's signatures.
    function finalizeTotalSupply(uint64 value, bytes calldata proof) external {
        if (!FHE.isInitialized(requestedSupply)) revert TotalSupplyNotRequested();
        bytes32[] memory handles = new bytes32[](1);
        handles[0] = FHE.toBytes32(requestedSupply);
        requestedSupply = euint64.wrap(0);
        FHE.checkSignatures(handles, abi.encode(value), proof);
        publishedTotalSupply = value;
        emit TotalSupplyPublished(value);
    }

    /// @param held The balance of `from`.
    /// @param may Whether the amount moves, or zero.
    function _transfer(address from, euint64 held, address to, euint64 amount, ebool may) private returns (euint64 sent) {
        sent = FHE.select(may, amount, 0);
        _setBalance(from, FHE.sub(held, sent));
        _credit(to, sent);
        FHE.allowTransient(sent, msg.sender);
        emit Transfer(from, to);
    }

    function _credit(address to, euint64 amount) private {
        _setBalance(to, FHE.add(balances[to], amount));
    }

    function _setBalance(address account, euint64 balance) private {
        FHE.allowBoth(balance, account);
        balances[account] = balance;
    }

    function _setAllowance(address holder, address spender, euint64 amount) private {
        FHE.allow(FHE.allowBoth(amount, holder), spender);
        allowances[holder][spender] = amount;
    }
}
