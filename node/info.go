package node

import (
	"fhevm/chain"
	"fhevm/sdk"
)

// Info is what a developer needs to use a node.
type Info struct {
	RPC        string          `json:"rpc"` // HTTP URL; WebSocket at the same address
	API        string          `json:"api"`
	NodeRPC    string          `json:"nodeRpc"`           // of the methods fhevm_*, likewise
	Metrics    string          `json:"metrics,omitempty"` // URL, if the node serves them
	Mnemonic   string          `json:"mnemonic,omitempty"`
	Accounts   []InfoAccount   `json:"accounts,omitempty"` // of a chain that the node runs
	Parameters *sdk.Parameters `json:"parameters"`
	Cluster    *InfoCluster    `json:"cluster,omitempty"`
}

// InfoAccount is a development account.
type InfoAccount struct {
	Address string `json:"address"`
	Key     string `json:"key"`
}

// Info describes the running node.
func (n *Node) Info() *Info {
	i := &Info{RPC: n.RPC(), API: n.API(), NodeRPC: n.API() + routeRPC, Metrics: n.Metrics(), Parameters: n.Parameters()}
	if n.config.Attach != nil {
		return i
	}
	i.Mnemonic = chain.DevMnemonic
	for _, a := range chain.DevAccounts() {
		i.Accounts = append(i.Accounts, InfoAccount{a.Address.Hex(), a.Hex()})
	}
	if n.lead != nil {
		i.Cluster = &InfoCluster{URL: n.lead.url, TokenFile: n.lead.tokenFile}
	}
	return i
}

// Bootstraps counts the bootstraps done since the node started.
func (n *Node) Bootstraps() uint64 { return n.compute.engine.Bootstraps() }
