package main

import (
	"fmt"
	"log/slog"

	"fhevm/node"
	"fhevm/node/network"

	"github.com/urfave/cli/v2"
)

func partyCommand() *cli.Command {
	return &cli.Command{
		Name:  "party",
		Usage: "be one member of the decryption committee",
		Subcommands: []*cli.Command{
			{
				Name:  "init",
				Usage: "make a party's own keys",
				Description: `Writes party.identity, which never leaves this machine, and party.json, which
goes to whoever runs keygen.`,
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "out", Required: true, Usage: "`FOLDER` to write"},
					&cli.StringFlag{Name: "address", Required: true, Usage: "`HOST:PORT` at which the others reach this party"},
				},
				Action: initParty,
			},
			generateCommand(),
			{
				Name:  "run",
				Usage: "answer requests for decryption",
				Description: `Checks every request against its own view of the finalised chain and the
network's digest policy, and answers with this party's share, sealed to the
user. Give it a chain node that you run or trust.`,
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "identity", Required: true, Usage: "`FILE` that party init wrote"},
					&cli.StringFlag{Name: "network", Required: true, Usage: "`FOLDER` with network.json and this party's share file"},
					&cli.StringFlag{Name: "data", Required: true, Usage: "`FOLDER` for this party's records"},
					&cli.StringFlag{Name: "rpc", Value: "http://" + node.DefaultRPC, Usage: "JSON-RPC `URL` of a node"},
					&cli.StringFlag{Name: "api", Value: "http://" + node.DefaultAPI, Usage: "wallet API `URL` of the coprocessor's node"},
					&cli.StringFlag{Name: "registry", Usage: "`ADDRESS` of the network's key registry, on a chain that others run"},
					&cli.Int64Flag{Name: "confirmations", Value: -1, Usage: "on a development chain that others run: act on blocks with `N` blocks on top (default: on finalized blocks)"},
					&cli.StringFlag{Name: "listen", Usage: "`ADDRESS` to serve at (default: the address given to party init)"},
				},
				Action: runParty,
			},
		},
	}
}

func initParty(c *cli.Context) error {
	secret, public, err := network.InitParty(c.String("out"), c.String("address"))
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "keep %s, hand over %s\n", secret, public)
	return nil
}

func runParty(c *cli.Context) error {
	return node.RunParty(c.Context, node.PartyConfig{
		Network: network.Folder(c.String("network")), Identity: c.String("identity"), DataDir: c.String("data"),
		Listen: c.String("listen"), RPC: c.String("rpc"), API: c.String("api"), Registry: c.String("registry"), Confirmations: c.Int64("confirmations"), Logger: slog.Default(),
		Ready: func(address string) { fmt.Fprintf(c.App.Writer, "party ready at %s\n", address) },
	})
}
