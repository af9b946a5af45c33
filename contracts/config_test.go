package contracts

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"
)

// configSlot is where tools read a contract's configuration: ERC-7201 for the
// established namespace.
var configSlot = common.HexToHash("0x9e7b61f58c47dc699ac88507c4f5bb9f121c03808c5676a8078fe583e4649700")

func TestConfigurationIsReadable(t *testing.T) {
	k := newToken(t)
	for i, want := range []common.Address{
		common.Address(ACLAddress), common.Address(ExecutorAddress), common.Address(DecryptionVerifierAddress),
	} {
		slot := common.BigToHash(new(big.Int).Add(configSlot.Big(), big.NewInt(int64(i))))
		if got := k.config.State.GetState(k.Address, slot); common.BytesToAddress(got[:]) != want {
			t.Errorf("slot %d holds %s, want %s", i, got, want)
		}
	}
}

func TestMissingConfigurationIsExplained(t *testing.T) {
	k := newToken(t)
	for i := range int64(3) {
		k.config.State.SetState(k.Address, common.BigToHash(new(big.Int).Add(configSlot.Big(), big.NewInt(i))), common.Hash{})
	}
	k.network.fails("CoprocessorNotConfigured()", alice, k.contract, "transfer", bob, word(0), []byte{})
	k.network.fails("CoprocessorNotConfigured()", carol, k.contract, "requestTotalSupply")
}

func TestProtocolIdIsReadable(t *testing.T) {
	k := newToken(t)
	id := func() *big.Int { return k.network.must(bob, k.contract, "confidentialProtocolId").(*big.Int) }
	if id().BitLen() != 256 {
		t.Errorf("of a development network: %d", id())
	}
	k.config.ChainConfig.ChainID = big.NewInt(1)
	if id().Sign() != 0 {
		t.Errorf("of an unknown one: %d", id())
	}
}

func TestUnknownChainIsExplained(t *testing.T) {
	n := newNetwork(t)
	n.config.ChainConfig.ChainID = big.NewInt(1)
	if _, err := n.construct(carol, ConfidentialToken, "Token", "TKN"); err == nil || err.Error() != "ZamaProtocolUnsupported()" {
		t.Errorf("got %v", err)
	}
}
