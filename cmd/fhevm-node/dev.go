package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"fhevm/node"

	"github.com/urfave/cli/v2"
)

func devCommand() *cli.Command {
	return &cli.Command{
		Name:  "dev",
		Usage: "run a development network: chain, coprocessor and committee",
		Description: `Serves JSON-RPC over HTTP and WebSocket, and the wallet API. A transaction is
mined when eth_sendRawTransaction returns. The well-known development accounts
are funded. Without --data everything is in memory and gone at the end; with it
a restart, also after kill -9, goes on where it left off.`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "rpc", Value: node.DefaultRPC, Usage: "JSON-RPC `ADDRESS`, HTTP and WebSocket; port 0 takes a free one"},
		}, nodeFlags()...),
		Action: func(c *cli.Context) error { return runNode(c, node.Config{RPC: c.String("rpc")}) },
	}
}

var memoryFlag = &cli.IntFlag{
	Name: "memory", Value: node.DefaultMemory >> 20,
	Usage: "use `MIB` of memory for evaluations at a time, and an eighth of it more for values at hand",
}

// nodeFlags are those of every node, whatever chain it serves.
func nodeFlags() []cli.Flag {
	return append([]cli.Flag{
		keysFlag,
		&cli.StringFlag{Name: "network", Usage: "`FOLDER` that keygen made, instead of development keys; implies --remote"},
		&cli.BoolFlag{Name: "remote", Usage: "ask the committee at the network's addresses instead of playing it"},
		&cli.StringFlag{Name: "data", Usage: "`FOLDER` for chain and ciphertexts (default: in memory)", EnvVars: []string{"FHEVM_DATA"}},
		&cli.StringFlag{Name: "api", Value: node.DefaultAPI, Usage: "wallet API `ADDRESS`"},
		&cli.StringSliceFlag{Name: "origin", Usage: "`ORIGIN` of a web page that may call the node, beside local ones"},
		&cli.StringFlag{Name: "config-out", Usage: "write addresses, accounts and parameters to `FILE` as JSON once the node is ready"},
		&cli.StringFlag{Name: "metrics", Usage: "serve Prometheus metrics and health checks at `ADDRESS`, such as 127.0.0.1:9464", EnvVars: []string{"FHEVM_METRICS"}},
		&cli.DurationFlag{Name: "max-delay", Value: node.DefaultMaxDelay, Usage: "refuse transactions that order computation while what is ordered takes longer than `DURATION`; 0: never"},
		memoryFlag,
		&cli.Uint64Flag{Name: "keep-blocks", Value: node.DefaultKeep, Usage: "keep what nothing wants for `N` blocks; needed again, it is computed again"},
		&cli.IntFlag{Name: "workers", Usage: "run `N` bootstraps at a time (default: one per processor)"},
		&cli.BoolFlag{Name: "exit-with-stdin", Usage: "stop when standard input ends, as it does when the program that started the node is gone"},
	}, clusterFlags()...)
}

// untilEnd ends with the input, too. Whoever holds its other end may be killed
// without a chance to tidy up, and the node goes with it.
func untilEnd(ctx context.Context, input io.Reader) context.Context {
	ctx, stop := context.WithCancel(ctx)
	go func() {
		io.Copy(io.Discard, input)
		stop()
	}()
	return ctx
}

// writeInfo puts the file in place in one step, so that whoever waits for it
// reads all of it.
func writeInfo(path string, info *node.Info) error {
	b, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".part", append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}

func printBanner(w io.Writer, i *node.Info) {
	p := i.Parameters
	fmt.Fprintf(w, "fhevm-node %s: development network, REAL FHE\n\n", version)
	for _, warning := range p.Warnings {
		fmt.Fprintf(w, "  ! %s\n", warning)
	}
	q := p.Committee.Quorum()
	for _, row := range [][2]string{
		{"JSON-RPC", i.RPC},
		{"Wallet API", i.API},
		{"fhevm_*", i.NodeRPC},
		{"Metrics", cmp.Or(i.Metrics, "off: --metrics ADDRESS")},
		{"Chain id", fmt.Sprint(p.ChainID)},
		{"Parameters", p.Set},
		{"Network key", p.KeyID.String()},
		{"Committee", fmt.Sprintf("%d parties, %d may be corrupt, epoch %d", q.N, q.T, p.Committee.Epoch.Number)},
		{"Executor", p.Contracts.Executor.String()},
		{"ACL", p.Contracts.ACL.String()},
		{"Inputs", fmt.Sprintf("%s  (%s)", p.Contracts.InputVerifier, p.Inputs)},
		{"Decryptions", p.Contracts.DecryptionVerifier.String()},
	} {
		fmt.Fprintf(w, "\n  %-12s %s", row[0], row[1])
	}
	if i.Cluster != nil {
		fmt.Fprintf(w, "\n  %-12s %s", "Workers join", i.Cluster.Command())
	}
	fmt.Fprintln(w)
	if len(i.Accounts) == 0 {
		return
	}
	fmt.Fprintf(w, "\nAccounts (10000 ETH each, keys known to everybody; mnemonic: %s)\n", i.Mnemonic)
	for n, a := range i.Accounts {
		fmt.Fprintf(w, "  (%d) %s  %s\n", n, a.Address, a.Key)
	}
	fmt.Fprintln(w)
}
