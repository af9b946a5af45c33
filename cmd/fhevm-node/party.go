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
		Description: `A party's life: init makes its keys, keygen (all parties together, or a dealer)
gives it its share, run answers requests, status says how it does, audit looks
through what it decided, backup splits its secrets among custodians, and restore
brings them back. docs/party.md walks through all of it.`,
		Subcommands: []*cli.Command{
			{
				Name:  "init",
				Usage: "make a party's own keys",
				Description: `Writes party.identity, which never leaves this machine, and party.json, which
goes to whoever runs keygen. With a passphrase, party.identity is encrypted, and
whoever steals the disk has nothing.`,
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "out", Required: true, Usage: "`FOLDER` to write"},
					&cli.StringFlag{Name: "address", Required: true, Usage: "`HOST:PORT` at which the others reach this party"},
					passphraseFlag("passphrase-file", "the identity is encrypted with"),
				},
				Action: initParty,
			},
			generateCommand(),
			{
				Name:  "run",
				Usage: "answer requests for decryption",
				Description: `Checks every request against its own view of the finalised chain and the
network's digest policy, and answers with this party's share, sealed to the
user. Give it a chain node that you run or trust.

Whose word it takes for a ciphertext: that of as many coprocessors as the network's
digest policy needs, each at its --api; or, with --own-coprocessor, that of a node
of your own alone, which computes everything itself ("fhevm-node coprocessor").
Outside of development, which is chain 31337, a policy that needs fewer than two of
three is refused without that.

Every decision is in the audit log in --data before its answer leaves. Quotas are
in squashed blocks, of which a value of 64 bits has 16: of each user, who is the
account that signed the permit, and of each relay and party that asks. A restart
gives nobody a fresh quota.`,
				Flags:  partyFlags(),
				Action: runParty,
			},
			partyStatusCommand(), partyAuditCommand(), partyKeyCommand(), partyBackupCommand(), partyRestoreCommand(),
			planEpochCommand(), reshareCommand(),
		},
	}
}

// quotaFlag bounds squashed blocks of somebody in a time.
func quotaFlag(name, whose string, value int) cli.Flag {
	return &cli.IntFlag{Name: "quota-" + name, Value: value, Usage: "`N` squashed blocks for " + whose + ", 0 for no bound"}
}

func initParty(c *cli.Context) error {
	passphrase, err := newPassphrase(c, "passphrase-file")
	if err != nil {
		return err
	}
	secret, public, err := network.InitParty(c.String("out"), c.String("address"), passphrase)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "keep %s, hand over %s\n", secret, public)
	return nil
}

// ownFlag names the coprocessor of a party's own node.
func ownFlag(effect string) cli.Flag {
	return &cli.StringFlag{Name: "own-coprocessor", Usage: "`ADDRESS` of the coprocessor of your own node, which computes everything itself: " + effect}
}

// partyFlags are those of a party that serves.
func partyFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "identity", Required: true, Usage: "`FILE` that party init wrote"},
		passphraseFlag("passphrase-file", "the identity is encrypted with, if it is"),
		&cli.StringFlag{Name: "network", Required: true, Usage: "`FOLDER` with network.json and this party's share file"},
		&cli.StringFlag{Name: "data", Required: true, Usage: "`FOLDER` for this party's records"},
		&cli.StringFlag{Name: "rpc", Value: "http://" + node.DefaultRPC, Usage: "JSON-RPC `URL` of a node"},
		&cli.StringSliceFlag{Name: "api", Value: cli.NewStringSlice("http://" + node.DefaultAPI), Usage: "wallet API `URL` of a coprocessor's node; once for each that the party asks"},
		ownFlag("it is the one at --api, and its word alone counts"),
		&cli.StringFlag{Name: "registry", Usage: "`ADDRESS` of the network's key registry, on a chain that others run"},
		&cli.Int64Flag{Name: "confirmations", Value: -1, Usage: "on a development chain that others run: act on blocks with `N` blocks on top (default: on finalized blocks)"},
		&cli.StringFlag{Name: "listen", Usage: "`ADDRESS` to serve at (default: the address given to party init)"},
		&cli.StringFlag{Name: "metrics", Usage: "loopback `ADDRESS` for /metrics, /healthz, /readyz and party status, such as " + node.DefaultPartyMetrics + " (default: none)"},
		&cli.BoolFlag{Name: "recount", Usage: "where the records in --data do not fit each other, go on with the larger count of openings instead of refusing to start"},
		quotaFlag("user-minute", "each user a minute", node.DefaultQuotas.User.Minute),
		quotaFlag("user-day", "each user a day", node.DefaultQuotas.User.Day),
		quotaFlag("caller-minute", "each relay or party a minute", node.DefaultQuotas.Caller.Minute),
		quotaFlag("caller-day", "each relay or party a day", node.DefaultQuotas.Caller.Day),
	}
}

func runParty(c *cli.Context) error {
	cfg, err := partyConfig(c)
	if err != nil {
		return err
	}
	return node.RunParty(c.Context, cfg)
}

func partyConfig(c *cli.Context) (cfg node.PartyConfig, err error) {
	passphrase, err := passphraseFor(c, "passphrase-file", c.String("identity"))
	if err != nil {
		return cfg, err
	}
	quotas := node.DefaultQuotas
	quotas.User.Minute, quotas.User.Day = c.Int("quota-user-minute"), c.Int("quota-user-day")
	quotas.Caller.Minute, quotas.Caller.Day = c.Int("quota-caller-minute"), c.Int("quota-caller-day")
	return node.PartyConfig{
		Network: network.Folder(c.String("network")), Identity: c.String("identity"), Passphrase: passphrase, DataDir: c.String("data"),
		Listen: c.String("listen"), RPC: c.String("rpc"), APIs: c.StringSlice("api"), Own: c.String("own-coprocessor"), Registry: c.String("registry"), Confirmations: c.Int64("confirmations"), Logger: slog.Default(),
		Metrics: c.String("metrics"), Quotas: quotas, Recount: c.Bool("recount"), Version: version,
		Ready: func(address, metrics string) {
			fmt.Fprintf(c.App.Writer, "party ready at %s\n", address)
			if metrics != "" {
				fmt.Fprintf(c.App.Writer, "metrics at %s\n", metrics)
			}
		},
		Progress: func(line string) { fmt.Fprintln(c.App.Writer, line) },
	}, nil
}
