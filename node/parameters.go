package node

import (
	"context"
	"net/url"
	"time"

	"fhevm/fhe"
	"fhevm/sdk"
)

// warnings are the guarantees that a network lacks, as the start banner and
// the wallet API state them.
const (
	warnProofs   = "input proofs do not exist yet: an input list's stated binding stops accidents, not attackers; anyone who can send a transaction can extract the FHE key"
	warnDealer   = "the FHE key was made by a dealer, who could have kept it"
	warnDev      = "development network: account keys are public and one sealer orders transactions; use it for nothing of value"
	warnAttested = "attested inputs: the coprocessor that signs them is trusted to keep the encrypted lists that they stand for"
)

// warnings are those of this network.
func (n *Node) warnings() (list []string) {
	if n.inputs == sdk.InputsAttested {
		list = append(list, warnAttested)
	}
	list = append(list, warnProofs)
	if !n.certified {
		list = append(list, warnDealer)
	}
	return append(list, warnDev)
}

// registryPatience is how long the key registry may take to say which epoch is in
// force.
const registryPatience = 5 * time.Second

// Parameters describe the network to wallets.
func (n *Node) Parameters() *sdk.Parameters {
	ctx, cancel := context.WithTimeout(context.Background(), registryPatience)
	defer cancel()
	present, err := n.epochs.present(ctx)
	if err != nil {
		n.config.Logger.Warn("cannot read the present epoch: the last known one stands in", "epoch", present.Epoch.Number, "error", err)
	}
	return &sdk.Parameters{
		Network: n.network.Network, ChainID: n.network.ChainID, KeyID: n.network.KeyID, Version: fhe.Version,
		Set:       n.network.Set,
		Contracts: sdk.Contracts(n.network.Contracts), Inputs: n.inputs,
		Committee: *present, Warnings: n.warnings(),
	}
}

func isLocal(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1")
}
