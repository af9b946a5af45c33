package node

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fhevm/chain"
	"fhevm/contracts"
	"fhevm/fhe"
	"fhevm/fhe/tfhe"
	"fhevm/node/network"
	"fhevm/threshold"
)

// testNetwork describes a network of four parties that hold no keys.
func testNetwork() *network.Description {
	d := &network.Description{
		Format: 1, Network: chain.Dev, ChainID: contracts.DevChainID, Set: tfhe.Default.Name, KeyID: fhe.Digest{1},
		Contracts: contracts.Established,
		Committee: threshold.Committee{
			Epoch:  threshold.Epoch{Number: 1, Key: fhe.Digest{1}, SquashKey: fhe.Digest{2}},
			Policy: threshold.Policy{Coprocessors: []fhe.Address{{9}}, Need: 1},
		},
	}
	for id := threshold.PartyID(1); id <= 4; id++ {
		d.Committee.Members = append(d.Committee.Members, threshold.Member{Party: id, Signer: fhe.Address{byte(id)}, TLS: fhe.Digest{byte(id)}})
	}
	return d
}

func openChain(t *testing.T, g *chain.Genesis) *chain.Node {
	t.Helper()
	n, err := chain.Open(chain.Config{Genesis: g})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// TestCheckChain: a party serves the chain of its network and no other, however
// little the other differs.
func TestCheckChain(t *testing.T) {
	view := chain.NewView(openChain(t, testNetwork().Genesis()).Client(), contracts.Established, chain.Finalized)
	if err := checkChain(t.Context(), view, testNetwork()); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*network.Description){
		"chain id is":       func(d *network.Description) { d.ChainID++ },
		"states network":    func(d *network.Description) { d.Network = chain.Production },
		"states key":        func(d *network.Description) { d.KeyID[31]++ },
		"in epoch 2":        func(d *network.Description) { d.Committee.Epoch.Number++ },
		"committee is 3 of": func(d *network.Description) { d.Committee.Members[3].Signer[19]++ },
		"committee is 5 of": func(d *network.Description) {
			d.Committee.Members = append(d.Committee.Members, make([]threshold.Member, 3)...)
		},
		"in epoch 1, the netw": func(d *network.Description) { m := d.Committee.Members; m[0], m[1] = m[1], m[0] },
	} {
		d := testNetwork()
		spoil(d)
		if err := checkChain(t.Context(), view, d); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// TestRunPartyKeepsRecords: a party without a folder would forget at its next
// start what it opened.
func TestRunPartyKeepsRecords(t *testing.T) {
	err := RunParty(context.Background(), PartyConfig{Network: network.Folder(t.TempDir())})
	if err == nil || !strings.Contains(err.Error(), "data folder") {
		t.Errorf("got %v", err)
	}
}

// TestRunPartyRefusesOldLayout: records that nobody reads are not begun anew beside.
func TestRunPartyRefusesOldLayout(t *testing.T) {
	for _, name := range []string{"party-1/audit", "epoch-2/party-1"} {
		cfg := PartyConfig{Network: network.Folder(t.TempDir()), DataDir: filepath.Join(t.TempDir(), "[any name]")}
		old := filepath.Join(cfg.DataDir, name)
		if err := os.MkdirAll(old, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := RunParty(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), old) {
			t.Errorf("got %v", err)
		}
		if err := os.Mkdir(filepath.Join(cfg.DataDir, network.RecordsDir), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := cfg.checkLayout(); err != nil {
			t.Errorf("beside records: %v", err)
		}
	}
}
