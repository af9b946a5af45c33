// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {FHE, euint64, externalEuint64} from "fhevm-contracts/lib/FHE.sol";
import {ERC7984} from "./ERC7984.sol";

/// @title An ERC-20 token, wrapped so that balances and transfers are encrypted
/// @notice Amounts are public on the way in and on the way out, where the ERC-20 token shows them anyway.
/// Wrap a token that moves exactly what it is told: one that takes fees or rebases leaves the wrapper short.
contract ERC7984Wrapper is ERC7984 {
    using FHE for euint64;

    IERC20Metadata public immutable underlying;

    /// @notice Units of the underlying token for one unit of this one, which has 6 decimals.
    uint256 public immutable rate;

    mapping(bytes32 requestId => address) private receivers;

    /// @notice Everyone may now decrypt `amount`, whose handle is the request's name, and finalise.
    event UnwrapRequested(address indexed receiver, bytes32 indexed requestId, euint64 amount);
    event UnwrapFinalized(address indexed receiver, bytes32 indexed requestId, euint64 encryptedAmount, uint64 amount);

    /// @notice The wrapper would hold more than 2^64 units: wrap less.
    error TooMuchWrapped(uint256 units);

    /// @notice There is no such request, or it has been paid.
    error NoSuchRequest(bytes32 requestId);

    constructor(IERC20Metadata underlying_)
        ERC7984(
            string.concat("Confidential ", underlying_.name()),
            string.concat("c", underlying_.symbol()),
            ""
        )
    {
        underlying = underlying_;
        uint8 places = underlying_.decimals();
        rate = places > decimals ? 10 ** (places - decimals) : 1;
    }

    /// @notice Takes `amount` of the underlying token, rounded down to a multiple of `rate`, and gives `to` as much
    /// of this one.
    /// @return minted The encryption of a number that everyone knows.
    function wrap(address to, uint256 amount) external returns (euint64 minted) {
        if (to == address(0)) revert InvalidReceiver(to);
        uint256 units = amount / rate;
        uint256 total = underlying.balanceOf(address(this)) / rate + units;
        if (total > type(uint64).max) revert TooMuchWrapped(total);
        SafeERC20.safeTransferFrom(underlying, msg.sender, address(this), units * rate);
        minted = _mint(to, FHE.asEuint64(uint64(units)));
    }

    /// @notice Burns an encrypted amount of `from`'s tokens, none if the balance does not suffice, and opens how much
    /// was burned. The sender is `from` or its operator.
    /// @return requestId What finalizeUnwrap wants, once everyone can decrypt the amount.
    function unwrap(address from, address to, externalEuint64 amount, bytes calldata proof)
        external
        onlyOperator(from)
        returns (bytes32 requestId)
    {
        if (to == address(0)) revert InvalidReceiver(to);
        euint64 burned = _burn(from, FHE.fromExternal(amount, proof)).makePubliclyDecryptable();
        requestId = burned.toBytes32();
        receivers[requestId] = to;
        emit UnwrapRequested(to, requestId, burned);
    }

    /// @notice Pays what a request burned. Anyone may call; each request is paid once, although its proof stays valid.
    /// @param proof The committee's signatures on `amount`.
    function finalizeUnwrap(bytes32 requestId, uint64 amount, bytes calldata proof) external {
        address to = receivers[requestId];
        if (to == address(0)) revert NoSuchRequest(requestId);
        delete receivers[requestId];
        bytes32[] memory handles = new bytes32[](1);
        handles[0] = requestId;
        FHE.checkSignatures(handles, abi.encode(amount), proof);
        SafeERC20.safeTransfer(underlying, to, uint256(amount) * rate);
        emit UnwrapFinalized(to, requestId, euint64.wrap(requestId), amount);
    }
}
