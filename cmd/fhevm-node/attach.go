package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"fhevm/node"
	"fhevm/node/network"

	"github.com/urfave/cli/v2"
)

func attachCommand() *cli.Command {
	return &cli.Command{
		Name:  "attach",
		Usage: "serve a chain that others run: Anvil, Hardhat, a rollup",
		Description: `Follows the chain's blocks by JSON-RPC, computes what contracts there order, and
decrypts. The chain needs the system contracts. A development node lets them be
placed:

  anvil &
  fhevm-node attach --rpc http://127.0.0.1:8545 --deploy

They then stand where fhevm-node dev has them, and contracts written for that
find them. Blocks that the chain undoes (evm_revert) are undone here.

Elsewhere deploy them by ordinary transactions, and say where the registry is:

  fhevm-node attach --chain-id 1337 --describe > network.json
  DEPLOYER_KEY=0x... node contracts/script/deploy.mjs --rpc URL --network network.json --owner 0x...
  fhevm-node attach --rpc URL --chain-id 1337 --registry 0x...

Wallets post encrypted inputs to this process, which keeps them and signs what
goes into the transaction. While the chain does not answer this process waits
for it. With --data a restart goes on where it left off.`,
		Flags: slices.Concat(chainFlags("from"), []cli.Flag{
			&cli.BoolFlag{Name: "deploy", Usage: "put the contracts onto a development chain that does not have them"},
			&cli.BoolFlag{Name: "describe", Usage: "print the network as contracts/script/deploy.mjs takes it, and stop"},
		}, nodeFlags()),
		Action: runAttach,
	}
}

// chainFlags find a network on a chain that others run. aliases are other names of
// --deployed.
func chainFlags(aliases ...string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "rpc", Usage: "JSON-RPC `URL` of the chain: http, https, ws or wss", Value: "http://" + node.DefaultRPC},
		&cli.Uint64Flag{Name: "chain-id", Usage: "`ID` of the chain, to say that it is yours (default: that of the network's keys, 31337)"},
		&cli.StringFlag{Name: "registry", Usage: "`ADDRESS` of the key registry of a deployment (default: where attach --deploy puts it)"},
		&cli.Uint64Flag{Name: "deployed", Aliases: aliases, Usage: "first `BLOCK` to read, that of the deployment (default: the chain is asked)"},
		&cli.Int64Flag{Name: "confirmations", Usage: "act on blocks with `N` blocks on top"},
		&cli.BoolFlag{Name: "finalized", Usage: "act on blocks that the chain calls finalized, instead"},
	}
}

// attachOf is what chainFlags say.
func attachOf(c *cli.Context) (node.Attach, error) {
	a := node.Attach{
		URL: c.String("rpc"), ChainID: c.Uint64("chain-id"), Registry: c.String("registry"), From: c.Uint64("deployed"),
		Confirmations: c.Int64("confirmations"),
	}
	if a.Confirmations < 0 {
		return a, errors.New("--confirmations must not be negative")
	}
	if c.Bool("finalized") {
		a.Confirmations = -1
	}
	return a, nil
}

func runAttach(c *cli.Context) error {
	if c.Bool("describe") {
		return describe(c)
	}
	a, err := attachOf(c)
	if err != nil {
		return err
	}
	bar := newBar(os.Stderr)
	defer bar.done()
	a.Deploy = c.Bool("deploy")
	a.Progress = func(done, total uint64) { bar.update("reading blocks", int(done), int(total)) }
	return runNode(c, node.Config{Attach: &a})
}

// describe prints the network for the deployment script.
func describe(c *cli.Context) error {
	folder, _, err := networkOf(c)
	if err != nil {
		return err
	}
	plan, err := node.Describe(folder, c.Uint64("chain-id"))
	if err != nil {
		return err
	}
	out := json.NewEncoder(c.App.Writer)
	out.SetIndent("", "  ")
	return out.Encode(plan)
}

// networkOf is the folder of the network that the flags name, and whether its
// parties are elsewhere.
func networkOf(c *cli.Context) (folder network.Folder, remote bool, err error) {
	folder, err = folderOf(c)
	return folder, c.Bool("remote") || c.String("network") != "", err
}

// folderOf is the network's folder, by default that of the development keys.
func folderOf(c *cli.Context) (network.Folder, error) {
	if folder := network.Folder(c.String("network")); folder != "" {
		return folder, nil
	}
	return devKeys(c)
}

// runNode runs a node as the flags that all nodes have, and cfg, say.
func runNode(c *cli.Context, cfg node.Config) (err error) {
	if c.Bool("exit-with-stdin") {
		c.Context = untilEnd(c.Context, os.Stdin)
	}
	if cfg.Network, cfg.Remote, err = networkOf(c); err != nil {
		return err
	}
	cfg.DataDir, cfg.API, cfg.Workers, cfg.Origins = c.String("data"), c.String("api"), c.Int("workers"), c.StringSlice("origin")
	cfg.Metrics, cfg.MaxDelay, cfg.Memory = c.String("metrics"), c.Duration("max-delay"), int64(c.Int("memory"))<<20
	cfg.Keep = c.Uint64("keep-blocks")
	cfg.Cluster, cfg.Version, cfg.Logger = clusterConfig(c), version, slog.Default()
	n, err := node.New(c.Context, cfg)
	if err != nil {
		return err
	}
	info := n.Info()
	printBanner(os.Stdout, info)
	if path := c.String("config-out"); path != "" {
		if err := writeInfo(path, info); err != nil {
			return errors.Join(err, n.Close())
		}
	}
	err = n.Run(c.Context)
	fmt.Fprintln(os.Stderr, "stopping")
	return errors.Join(err, n.Close())
}
