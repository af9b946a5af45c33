// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {FHEVMConfig} from "fhevm-contracts/config/FHEVMConfig.sol";
import {FHE, ebool, euint8} from "fhevm-contracts/lib/FHE.sol";

/// @title A card game against the house: as near to 21 as possible, and not beyond
/// @notice Cards are drawn under encryption, from a full deck each time. Only the player reads his cards, and neither
/// reads the house's before the end. A player who went beyond 21 knows it, the chain does not. An ace counts 1, a face 10.
/// @dev A contract that plays cannot undo a draw that it dislikes: it cannot read the card in the transaction that draws
/// it, and the stake is gone when the next one begins.
contract TwentyOne is FHEVMConfig {
    using FHE for ebool;
    using FHE for euint8;

    enum Phase {
        None,
        Playing,
        Over
    }

    struct Game {
        Phase phase;
        euint8[] cards; // 0 to 51; the rank is the number modulo 13
        euint8 total;
        euint8 house;
        euint8 outcome; // what the player gets back: 0, 1 or 2
    }

    uint8 private constant DECK = 52;
    uint8 private constant MOST_CARDS = 5;
    uint8 private constant HOUSE_CARDS = 4;
    uint8 private constant HOUSE_STANDS = 17;

    /// @notice What an account won less what it lost. A game in progress counts as lost.
    mapping(address player => int256) public score;

    mapping(address player => Game) private games;

    /// @dev What a card counts, as a table of 256 entries: 52 are in use.
    bytes private values;

    event Drawn(address indexed player, euint8 card);

    /// @notice Everyone may now decrypt the outcome.
    event Over(address indexed player, euint8 outcome);
    event Settled(address indexed player, uint8 outcome);

    error WrongPhase(Phase phase);
    error NoMoreCards();

    modifier during(address player, Phase wanted) {
        if (games[player].phase != wanted) revert WrongPhase(games[player].phase);
        _;
    }

    constructor() {
        bytes memory table = new bytes(256);
        for (uint8 card = 0; card < DECK; card++) {
            uint8 rank = card % 13 + 1;
            table[card] = bytes1(rank < 10 ? rank : 10);
        }
        values = table;
    }

    /// @notice The sender's or another's game: only the player can decrypt its cards and totals.
    function gameOf(address player) external view returns (Game memory) {
        return games[player];
    }

    /// @notice Begins a game with a stake of 1 and two cards.
    function deal() external during(msg.sender, Phase.None) {
        score[msg.sender] -= 1;
        games[msg.sender].phase = Phase.Playing;
        _keep(_drawFor(msg.sender).add(_drawFor(msg.sender)));
    }

    /// @notice Takes another card, up to five.
    function hit() external during(msg.sender, Phase.Playing) {
        Game storage game = games[msg.sender];
        if (game.cards.length == MOST_CARDS) revert NoMoreCards();
        _keep(game.total.add(_drawFor(msg.sender)));
    }

    /// @notice Ends the game: the house draws while it has less than 17, and everyone may decrypt who won.
    function stand() external during(msg.sender, Phase.Playing) {
        Game storage game = games[msg.sender];
        game.phase = Phase.Over;
        euint8 house = _house();
        ebool busted = game.total.gt(21);
        ebool won = FHE.or(house.gt(21), game.total.gt(house));
        euint8 unbusted = won.select(FHE.asEuint8(2), FHE.asEuint8(game.total.eq(house)));
        euint8 outcome = busted.select(FHE.asEuint8(0), unbusted);
        game.house = house.allowBoth(msg.sender);
        game.outcome = outcome.allowThis().makePubliclyDecryptable();
        emit Over(msg.sender, game.outcome);
    }

    /// @notice Pays what the outcome decrypts to, and ends the game. Anyone may call.
    /// @param proof The committee's signatures on `outcome`.
    function settle(address player, uint8 outcome, bytes calldata proof) external during(player, Phase.Over) {
        bytes32[] memory handles = new bytes32[](1);
        handles[0] = games[player].outcome.toBytes32();
        delete games[player];
        FHE.checkSignatures(handles, abi.encode(outcome), proof);
        score[player] += int256(uint256(outcome));
        emit Settled(player, outcome);
    }

    /// @dev Every card is drawn, and counts only where the house still wants it: how many do must not show.
    function _house() private returns (euint8 total) {
        total = _value(FHE.randEuint8(DECK));
        for (uint256 i = 1; i < HOUSE_CARDS; i++) {
            euint8 value = _value(FHE.randEuint8(DECK));
            total = total.add(total.lt(HOUSE_STANDS).select(value, FHE.asEuint8(0)));
        }
    }

    function _drawFor(address player) private returns (euint8) {
        euint8 card = FHE.randEuint8(DECK).allowBoth(player);
        games[player].cards.push(card);
        emit Drawn(player, card);
        return _value(card);
    }

    function _value(euint8 card) private returns (euint8) {
        return card.lookupEuint8(values);
    }

    function _keep(euint8 total) private {
        games[msg.sender].total = total.allowBoth(msg.sender);
    }
}
