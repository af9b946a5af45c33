// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Bounds the work that a chain orders from its coprocessors
/// @notice A bucket of bootstraps is filled by `perBlock` with every block, up to `burst`. An
/// operation is admitted while the bucket is not empty and may overdraw it, so that the dearest one
/// needs no larger bucket. Within a transaction, operations that wait for each other may be `depth`
/// layers of bootstraps deep.
abstract contract Meter {
    /// @dev One slot: an operation reads and writes it once.
    struct State {
        uint64 salt;
        int48 level; // bootstraps in the bucket after block `at`, below 0 when overdrawn
        uint48 at;
        uint32 perBlock;
        uint32 burst;
        uint32 depth;
    }

    /// @custom:storage-location erc7201:fhevm.storage.Meter
    struct MeterStorage {
        State state;
    }

    bytes32 private constant STORAGE = 0x6cbc5ce91d73706f45bcf8044a489d5c3ea73de002c71fffb20a5230aad16800;

    /// @notice The limits are now these.
    event BudgetSet(uint32 perBlock, uint32 burst, uint32 depth);

    /// @notice The coprocessors have work for `blocks` more blocks: send the transaction again then.
    error HCUBlockLimitExceeded(uint256 blocks);

    /// @notice The transaction's operations wait for each other through `depth` layers of
    /// bootstraps, more than `limit`: spread them over several transactions.
    error HCUTransactionDepthLimitExceeded(uint256 depth, uint256 limit);

    /// @notice All three limits must be above 0.
    error InvalidBudget();

    /// @notice Bootstraps that the bucket holds in this block, below 0 when it is overdrawn.
    function availableBootstraps() external view returns (int256) {
        return _level(_meter());
    }

    /// @notice Bootstraps added with every block, the most that the bucket holds, and the layers of
    /// bootstraps that a transaction may be deep.
    function budget() external view returns (uint32 perBlock, uint32 burst, uint32 depth) {
        State memory m = _meter();
        return (m.perBlock, m.burst, m.depth);
    }

    /// @dev Sets the limits. What the bucket holds beyond a new `burst` is lost.
    function _setBudget(uint32 perBlock, uint32 burst, uint32 depth) internal {
        if (perBlock == 0 || burst == 0 || depth == 0) revert InvalidBudget();
        State memory s = _meter();
        int48 full = int48(uint48(burst));
        if (s.burst == 0) s.level = full;
        else (s.level, s.at) = (int48(_level(s)), uint48(block.number));
        if (s.level > full) s.level = full;
        (s.perBlock, s.burst, s.depth) = (perBlock, burst, depth);
        _storage().state = s;
        emit BudgetSet(perBlock, burst, depth);
    }

    /// @dev What _spend needs; its salt is one that no operation had before.
    function _meter() internal view returns (State memory) {
        return _storage().state;
    }

    /// @dev Takes an operation's bootstraps out of the bucket and goes on to the next salt. `depth`
    /// counts layers from the start of the transaction to the operation's result.
    function _spend(State memory s, uint256 bootstraps, uint256 depth) internal {
        if (depth > s.depth) revert HCUTransactionDepthLimitExceeded(depth, s.depth);
        int256 level = _level(s);
        if (level <= 0) revert HCUBlockLimitExceeded(_blocksToRefill(s, uint256(-level)));
        (s.salt, s.level, s.at) = (s.salt + 1, int48(level - int256(bootstraps)), uint48(block.number));
        _storage().state = s;
    }

    /// @dev An implementation without its proxy has no limits, and nothing refills its bucket.
    function _blocksToRefill(State memory s, uint256 overdrawn) private pure returns (uint256) {
        return s.perBlock == 0 ? type(uint256).max : 1 + overdrawn / s.perBlock;
    }

    function _level(State memory s) private view returns (int256) {
        uint256 refill = (block.number - s.at) * s.perBlock;
        int256 level = int256(s.level) + int256(refill);
        return level < int256(uint256(s.burst)) ? level : int256(uint256(s.burst));
    }

    function _storage() private pure returns (MeterStorage storage $) {
        assembly ("memory-safe") {
            $.slot := STORAGE
        }
    }
}
