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

    // Where the fields of a State begin in its word. Solidity would take it apart and put it together
    // again field by field, at 600 gas an operation.
    uint256 private constant LEVEL = 64;
    uint256 private constant AT = 112;
    uint256 private constant PER_BLOCK = 160;
    uint256 private constant BURST = 192;
    uint256 private constant DEPTH = 224;

    bytes32 private constant STORAGE = 0x6cbc5ce91d73706f45bcf8044a489d5c3ea73de002c71fffb20a5230aad16800;

    /// @notice The limits are now these.
    event BudgetSet(uint32 perBlock, uint32 burst, uint32 depth);

    /// @notice The coprocessors have work for `blocks` more blocks: send the transaction again then.
    error HCUBlockLimitExceeded(uint256 blocks);

    /// @notice The transaction's operations wait for each other through more layers of bootstraps
    /// than budget() allows: spread them over several transactions.
    error HCUTransactionDepthLimitExceeded();

    /// @notice All three limits must be above 0.
    error InvalidBudget();

    /// @notice Bootstraps that the bucket holds in this block, below 0 when it is overdrawn.
    function availableBootstraps() external view returns (int256) {
        return _level(_meter());
    }

    /// @notice Bootstraps added with every block, the most that the bucket holds, and the layers of
    /// bootstraps that a transaction may be deep.
    function budget() external view returns (uint32 perBlock, uint32 burst, uint32 depth) {
        State storage m = _storage().state;
        return (m.perBlock, m.burst, m.depth);
    }

    /// @dev Sets the limits. What the bucket holds beyond a new `burst` is lost.
    function _setBudget(uint32 perBlock, uint32 burst, uint32 depth) internal {
        if (perBlock == 0 || burst == 0 || depth == 0) revert InvalidBudget();
        State storage s = _storage().state;
        int48 full = int48(uint48(burst));
        if (s.burst == 0) s.level = full;
        else (s.level, s.at) = (int48(_level(_meter())), uint48(block.number));
        if (s.level > full) s.level = full;
        (s.perBlock, s.burst, s.depth) = (perBlock, burst, depth);
        emit BudgetSet(perBlock, burst, depth);
    }

    /// @dev The State in one word, as it is stored: what _spend needs. Its low 64 bits are a salt that no operation
    /// had before.
    function _meter() internal view returns (uint256 word) {
        assembly ("memory-safe") {
            word := sload(STORAGE)
        }
    }

    /// @dev Takes an operation's bootstraps out of the bucket and goes on to the next salt. `depth`
    /// counts layers from the start of the transaction to the operation's result.
    function _spend(uint256 word, uint256 bootstraps, uint256 depth) internal {
        if (depth > word >> DEPTH) revert HCUTransactionDepthLimitExceeded();
        int256 level = _level(word);
        if (level <= 0) revert HCUBlockLimitExceeded(_blocksToRefill(word, uint256(-level)));
        unchecked {
            word = ((word >> PER_BLOCK) << PER_BLOCK) | (block.number << AT)
                | (uint256(uint48(int48(level - int256(bootstraps)))) << LEVEL) | uint64(word + 1);
        }
        assembly ("memory-safe") {
            sstore(STORAGE, word)
        }
    }

    /// @dev An implementation without its proxy has no limits, and nothing refills its bucket.
    function _blocksToRefill(uint256 word, uint256 overdrawn) private pure returns (uint256) {
        uint256 perBlock = uint32(word >> PER_BLOCK);
        return perBlock == 0 ? type(uint256).max : 1 + overdrawn / perBlock;
    }

    function _level(uint256 word) private view returns (int256) {
        unchecked {
            uint256 refill = (block.number - uint48(word >> AT)) * uint32(word >> PER_BLOCK);
            int256 level = int48(uint48(word >> LEVEL)) + int256(refill);
            int256 burst = int256(uint256(uint32(word >> BURST)));
            return level < burst ? level : burst;
        }
    }

    function _storage() private pure returns (MeterStorage storage $) {
        assembly ("memory-safe") {
            $.slot := STORAGE
        }
    }
}
