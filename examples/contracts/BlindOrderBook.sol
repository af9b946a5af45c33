// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {FHEVMConfig} from "fhevm-contracts/config/FHEVMConfig.sol";
import {FHE, ebool, euint16, euint32, euint64, externalEuint16} from "fhevm-contracts/lib/FHE.sol";
import {IERC7984, IERC7984Receiver} from "./IERC7984.sol";

/// @title An order book whose prices and amounts are encrypted
/// @notice Anyone matches a buy with a sell, blindly: where the prices cross, the smaller amount is traded at the
/// seller's price, else nothing moves. Everyone sees who has orders and which were matched; whether anything was traded,
/// only the two parties learn, from their orders and balances. Like in any book, to learn a price one trades at it: a probe of one unit
/// that crosses costs that unit's price, and one that is not covered by a deposit tells nothing.
/// @dev Price and amount have 16 bits, so that their product fits 32 and costs as little as a product of 16 bits.
contract BlindOrderBook is IERC7984Receiver, FHEVMConfig {
    using FHE for ebool;
    using FHE for euint16;
    using FHE for euint32;
    using FHE for euint64;

    struct Order {
        address owner;
        bool buys;
        euint16 price; // quote units for one base unit
        euint16 amount; // base units still to trade
        euint32 funds; // what is still set aside: quote units for a buy, base units for a sell
    }

    IERC7984 public immutable base;
    IERC7984 public immutable quote;

    /// @notice Orders by number; one that was cancelled has no owner.
    Order[] public orders;

    mapping(IERC7984 token => mapping(address account => euint64)) private free;

    event Placed(uint256 indexed id, address indexed owner, bool buys);
    event Matched(uint256 indexed buy, uint256 indexed sell);
    event Cancelled(uint256 indexed id);

    error NotATokenOfThisBook(address sender);
    error NoSuchOrder(uint256 id);
    error NotTheOwner(uint256 id, address sender);

    /// @notice The sender never had units of this token here.
    error NothingToWithdraw(address sender);

    /// @notice Match a buy that was placed with a sell, neither of them cancelled.
    error NoSuchPair(uint256 buy, uint256 sell);

    constructor(IERC7984 base_, IERC7984 quote_) {
        (base, quote) = (base_, quote_);
    }

    /// @notice What `account` can place orders with or withdraw, which it may decrypt.
    function freeOf(IERC7984 token, address account) external view returns (euint64) {
        return free[token][account];
    }

    /// @notice A deposit: the transfer of either token to this contract by `confidentialTransferAndCall`.
    function onConfidentialTransferReceived(address, address from, euint64 amount, bytes calldata) external returns (ebool) {
        IERC7984 token = IERC7984(msg.sender);
        if (token != base && token != quote) revert NotATokenOfThisBook(msg.sender);
        _setFree(token, from, free[token][from].add(amount));
        return FHE.asEbool(true).allowTransient(msg.sender);
    }

    /// @notice Returns all of the sender's free units of a token.
    function withdraw(IERC7984 token) external {
        euint64 amount = free[token][msg.sender];
        if (!amount.isInitialized()) revert NothingToWithdraw(msg.sender);
        _setFree(token, msg.sender, FHE.asEuint64(0));
        token.confidentialTransfer(msg.sender, amount.allowTransient(address(token)));
    }

    /// @notice Places an order and sets aside what it may cost. One that the sender's free units do not cover is an
    /// order for nothing.
    function place(bool buys, externalEuint16 price_, externalEuint16 amount_, bytes calldata proof) external returns (uint256 id) {
        euint16 price = FHE.fromExternal(price_, proof);
        euint16 amount = FHE.fromExternal(amount_, proof);
        IERC7984 token = buys ? quote : base;
        euint64 held = free[token][msg.sender];
        euint32 cost = buys ? _product(price, amount) : FHE.asEuint32(amount);
        ebool covered = cost.le(held);
        euint32 funds = covered.select(cost, FHE.asEuint32(0));
        _setFree(token, msg.sender, held.sub(funds));
        id = orders.length;
        orders.push(Order(msg.sender, buys, price.allowBoth(msg.sender), amount, funds));
        _setRest(orders[id], covered.select(amount, FHE.asEuint16(0)), funds);
        emit Placed(id, msg.sender, buys);
    }

    /// @notice Trades what crosses of a buy and a sell, perhaps nothing. Anyone may call, any number of times.
    function matchOrders(uint256 buyId, uint256 sellId) external {
        if (buyId >= orders.length || sellId >= orders.length) revert NoSuchPair(buyId, sellId);
        (Order storage buy, Order storage sell) = (orders[buyId], orders[sellId]);
        if (!buy.buys || sell.buys || buy.owner == address(0) || sell.owner == address(0)) revert NoSuchPair(buyId, sellId);
        ebool cross = buy.price.ge(sell.price);
        euint16 traded = cross.select(buy.amount.min(sell.amount), FHE.asEuint16(0));
        euint32 paid = _product(sell.price, traded);
        _setRest(buy, buy.amount.sub(traded), buy.funds.sub(paid));
        _setRest(sell, sell.amount.sub(traded), sell.funds.sub(FHE.asEuint32(traded)));
        _setFree(base, buy.owner, free[base][buy.owner].add(traded));
        _setFree(quote, sell.owner, free[quote][sell.owner].add(paid));
        emit Matched(buyId, sellId);
    }

    /// @notice Ends an order of the sender's, and frees what it did not spend.
    function cancel(uint256 id) external {
        if (id >= orders.length) revert NoSuchOrder(id);
        Order memory order = orders[id];
        if (order.owner != msg.sender) revert NotTheOwner(id, msg.sender);
        delete orders[id];
        IERC7984 token = order.buys ? quote : base;
        _setFree(token, msg.sender, free[token][msg.sender].add(order.funds));
        emit Cancelled(id);
    }

    /// @dev 16 by 16 bits: the upper halves are public zeros, which cost nothing.
    function _product(euint16 a, euint16 b) private returns (euint32) {
        return FHE.asEuint32(a).mul(FHE.asEuint32(b));
    }

    function _setRest(Order storage order, euint16 amount, euint32 funds) private {
        order.amount = amount.allowBoth(order.owner);
        order.funds = funds.allowBoth(order.owner);
    }

    function _setFree(IERC7984 token, address account, euint64 amount) private {
        free[token][account] = amount.allowBoth(account);
    }
}
