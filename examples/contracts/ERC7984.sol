// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {FHEVMConfig} from "fhevm-contracts/config/FHEVMConfig.sol";
import {FHE, ebool, euint64, externalEuint64} from "fhevm-contracts/lib/FHE.sol";
import {IERC7984, IERC7984Receiver} from "./IERC7984.sol";

/// @title A token after ERC-7984
/// @notice Everyone sees who sends to whom, and only the two of them how much. Whoever passes a handle as
/// an amount must hold a right on it: otherwise anyone could send "as much as Alice has".
abstract contract ERC7984 is IERC7984, IERC165, FHEVMConfig {
    using FHE for ebool;
    using FHE for euint64;

    uint8 public constant decimals = 6;

    string public name;
    string public symbol;
    string public contractURI;

    mapping(address account => euint64) private balances;
    mapping(address holder => mapping(address operator => uint48)) private operatorUntil;
    euint64 private supply;

    error InvalidReceiver(address to);
    error NotOperator(address holder, address sender);

    /// @notice The sender holds no right on the handle that it states as an amount.
    error AmountNotAllowed(euint64 amount, address sender);

    /// @notice The receiver answered with a value that is not its own.
    error AnswerNotAllowed(ebool answer, address receiver);

    modifier onlyOperator(address holder) {
        if (!isOperator(holder, msg.sender)) revert NotOperator(holder, msg.sender);
        _;
    }

    modifier onlyAllowed(euint64 amount) {
        if (!amount.isSenderAllowed()) revert AmountNotAllowed(amount, msg.sender);
        _;
    }

    constructor(string memory name_, string memory symbol_, string memory contractURI_) {
        (name, symbol, contractURI) = (name_, symbol_, contractURI_);
    }

    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == type(IERC7984).interfaceId || id == type(IERC165).interfaceId;
    }

    function confidentialTotalSupply() external view returns (euint64) {
        return supply;
    }

    function confidentialBalanceOf(address account) external view returns (euint64) {
        return balances[account];
    }

    function isOperator(address holder, address spender) public view returns (bool) {
        return holder == spender || block.timestamp <= operatorUntil[holder][spender];
    }

    /// @notice Lets `operator` move all tokens of the sender, and so learn whether they suffice for an amount,
    /// until a Unix time; 0 ends it.
    function setOperator(address operator, uint48 until) external {
        operatorUntil[msg.sender][operator] = until;
        emit OperatorSet(msg.sender, operator, until);
    }

    function confidentialTransfer(address to, externalEuint64 amount, bytes calldata proof) external returns (euint64) {
        return _transfer(msg.sender, to, FHE.fromExternal(amount, proof));
    }

    function confidentialTransfer(address to, euint64 amount) external onlyAllowed(amount) returns (euint64) {
        return _transfer(msg.sender, to, amount);
    }

    function confidentialTransferFrom(address from, address to, externalEuint64 amount, bytes calldata proof)
        external
        onlyOperator(from)
        returns (euint64)
    {
        return _transfer(from, to, FHE.fromExternal(amount, proof));
    }

    function confidentialTransferFrom(address from, address to, euint64 amount)
        external
        onlyOperator(from)
        onlyAllowed(amount)
        returns (euint64)
    {
        return _transfer(from, to, amount);
    }

    function confidentialTransferAndCall(address to, externalEuint64 amount, bytes calldata proof, bytes calldata data)
        external
        returns (euint64)
    {
        return _transferAndCall(msg.sender, to, FHE.fromExternal(amount, proof), data);
    }

    function confidentialTransferAndCall(address to, euint64 amount, bytes calldata data)
        external
        onlyAllowed(amount)
        returns (euint64)
    {
        return _transferAndCall(msg.sender, to, amount, data);
    }

    function confidentialTransferFromAndCall(
        address from,
        address to,
        externalEuint64 amount,
        bytes calldata proof,
        bytes calldata data
    ) external onlyOperator(from) returns (euint64) {
        return _transferAndCall(from, to, FHE.fromExternal(amount, proof), data);
    }

    function confidentialTransferFromAndCall(address from, address to, euint64 amount, bytes calldata data)
        external
        onlyOperator(from)
        onlyAllowed(amount)
        returns (euint64)
    {
        return _transferAndCall(from, to, amount, data);
    }

    /// @dev Creates tokens; none if the supply would reach 2^64, so that no balance ever overflows.
    function _mint(address to, euint64 amount) internal returns (euint64 minted) {
        (euint64 grown, ebool fits) = supply.tryAdd(amount);
        minted = fits.select(amount, FHE.asEuint64(0));
        supply = fits.select(grown, supply).allowThis();
        _credit(to, minted);
        _share(address(0), to, minted);
    }

    /// @dev Destroys tokens; none if the balance does not suffice.
    function _burn(address from, euint64 amount) internal returns (euint64 burned) {
        burned = _debit(from, amount);
        supply = supply.sub(burned).allowThis();
        _share(from, address(0), burned);
    }

    function _transfer(address from, address to, euint64 amount) internal virtual returns (euint64 moved) {
        if (to == address(0)) revert InvalidReceiver(to);
        moved = _debit(from, amount);
        _credit(to, moved);
        _share(from, to, moved);
    }

    /// @dev The answer chooses between two outcomes that the receiver will see, so a receiver that answered with a
    /// value which only the token may use would learn it. Hence the check.
    function _transferAndCall(address from, address to, euint64 amount, bytes calldata data) private returns (euint64) {
        euint64 sent = _transfer(from, to, amount);
        if (to.code.length == 0) return sent;
        ebool accepted = IERC7984Receiver(to).onConfidentialTransferReceived(msg.sender, from, sent, data);
        if (!accepted.isAllowed(to)) revert AnswerNotAllowed(accepted, to);
        euint64 returned = _transfer(to, from, accepted.select(FHE.asEuint64(0), sent));
        return sent.sub(returned).allowTransient(msg.sender);
    }

    function _debit(address from, euint64 amount) private returns (euint64 taken) {
        euint64 held = balances[from];
        taken = amount.le(held).select(amount, FHE.asEuint64(0));
        _store(from, held.sub(taken));
    }

    function _credit(address to, euint64 amount) private {
        _store(to, balances[to].add(amount));
    }

    function _store(address account, euint64 balance) private {
        balances[account] = balance.allowBoth(account);
    }

    /// @dev Sender and receiver may read what moved for ever; whoever called may compute with it now.
    function _share(address from, address to, euint64 moved) internal virtual {
        moved.allowThis().allowTransient(msg.sender);
        if (from != address(0)) moved.allow(from);
        if (to != address(0)) moved.allow(to);
        emit ConfidentialTransfer(from, to, moved);
    }
}
