package chain

import (
	"math/big"

	"github.com/ethereum/go-ethereum/params"
)

// rules is a chain with every fork up to Osaka from its first block.
func rules(chainID uint64) *params.ChainConfig {
	// Blob transactions are refused (see sendable); the schedule must still
	// have a maximum above 0, by which go-ethereum divides.
	blobs := &params.BlobConfig{Target: 0, Max: 1, UpdateFraction: params.DefaultPragueBlobConfig.UpdateFraction}
	block, time := new(big.Int), new(uint64)
	return &params.ChainConfig{
		ChainID:                 new(big.Int).SetUint64(chainID),
		HomesteadBlock:          block,
		EIP150Block:             block,
		EIP155Block:             block,
		EIP158Block:             block,
		ByzantiumBlock:          block,
		ConstantinopleBlock:     block,
		PetersburgBlock:         block,
		IstanbulBlock:           block,
		MuirGlacierBlock:        block,
		BerlinBlock:             block,
		LondonBlock:             block,
		ArrowGlacierBlock:       block,
		GrayGlacierBlock:        block,
		MergeNetsplitBlock:      block,
		TerminalTotalDifficulty: block,
		ShanghaiTime:            time,
		CancunTime:              time,
		PragueTime:              time,
		OsakaTime:               time,
		BlobScheduleConfig:      &params.BlobScheduleConfig{Cancun: blobs, Prague: blobs},
	}
}
