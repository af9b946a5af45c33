package chain

import (
	"math/big"

	"fhevm/contracts"
)

// ActivateEpoch is the call of the key registry by which its owner puts a
// committee in force, as the one after the current one.
func ActivateEpoch(c Committee) ([]byte, error) {
	iface := mustABI(contracts.KeyRegistry)
	return iface.Pack("activateEpoch", c.Signers, big.NewInt(int64(c.Quorum)))
}

// RetireEpoch is the call by which the owner ends an older epoch for ever.
func RetireEpoch(number uint64) ([]byte, error) {
	iface := mustABI(contracts.KeyRegistry)
	return iface.Pack("retireEpoch", new(big.Int).SetUint64(number))
}
