package main

import (
	"errors"
	"fmt"
	"time"

	"fhevm/node"
	"fhevm/node/network"

	"github.com/urfave/cli/v2"
)

func planEpochCommand() *cli.Command {
	return &cli.Command{
		Name:  "plan",
		Usage: "describe the committee of the next epoch",
		Description: `Writes the file that every party of the old and of the new committee passes to
"party reshare --to". The order of --party is the order of the new parties. The
network's key stays, and whoever has it checks the file before using it. So does the
digest policy, unless --coprocessor names all coprocessors of the new one.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "network", Required: true, Usage: "`FOLDER` with network.json and the epochs since"},
			&cli.Uint64Flag{Name: "epoch", Usage: "`N`, where it is not the one after the last that the folder describes: to replace a committee that is not in force"},
			&cli.StringSliceFlag{Name: "party", Required: true, Usage: "`FILE` that describes a party; 4, 7, 10 or 13 times"},
			&cli.StringFlag{Name: "out", Required: true, Usage: "`FILE` to write"},
			coprocessorFlag("a coprocessor whose word counts from then on"), needFlag, recomputeFlag,
		},
		Action: func(c *cli.Context) error {
			words, err := wordsOf(c)
			if err != nil {
				return err
			}
			epoch, err := network.Folder(c.String("network")).PlanEpoch(c.Uint64("epoch"), c.StringSlice("party"), words, c.String("out"))
			if err == nil {
				fmt.Fprintf(c.App.Writer, "committee of epoch %d in %s: give it to all parties, old and new\n", epoch, c.String("out"))
			}
			return err
		},
	}
}

func reshareCommand() *cli.Command {
	return &cli.Command{
		Name:  "reshare",
		Usage: "answer requests, and help to begin a new epoch with fresh shares",
		Description: `Does what "party run" does, and beside it makes new shares of the same key with
the parties of the old and of the new committee, all of which run this command.
Without --to the members stay and their shares are refreshed. It says whom it
waits for, and in the end how the network's owner puts the epoch in force
(see "fhevm-node epoch"). When the owner retires the old one, its share is erased.

Stopped or killed, it goes on where it was when it is started again. An attempt
that fails changes nothing: it names who was wrong or missing, the party goes on
to answer requests, and all are started again with the next --attempt. One that
this party has confirmed may have succeeded elsewhere: it waits for the last
members, and begins no other with the same ones (see docs/party.md).`,
		Flags: append(partyFlags(),
			&cli.Uint64Flag{Name: "epoch", Usage: "refresh the shares of the same members in epoch `N`"},
			&cli.StringFlag{Name: "to", Usage: "`FILE` with the committee of the new epoch, from party plan"},
			&cli.UintFlag{Name: "attempt", Value: 1, Usage: "`N`, the same for all parties; a failed one is not repeated"},
			&cli.DurationFlag{Name: "gather", Value: time.Hour, Usage: "wait `DURATION` for the others to begin"},
			&cli.DurationFlag{Name: "timeout", Value: time.Minute, Usage: "wait `DURATION`, and longer in later rounds, for the last ones"},
		),
		Action: reshareParty,
	}
}

func reshareParty(c *cli.Context) error {
	cfg, err := partyConfig(c)
	if err != nil {
		return err
	}
	r := &node.Reshare{Epoch: c.Uint64("epoch"), Attempt: uint32(c.Uint("attempt")), Gather: c.Duration("gather"), Round: c.Duration("timeout")}
	switch {
	case (r.Epoch == 0) == (c.String("to") == ""):
		return errors.New("say either --epoch N, to refresh the shares of the same members, or --to FILE")
	case c.String("to") != "":
		to, err := network.ReadCommittee(c.String("to"))
		if err != nil {
			return err
		}
		r.To, r.Epoch = to, to.Epoch.Number
	}
	cfg.Reshare = r
	return node.RunParty(c.Context, cfg)
}

func epochCommand() *cli.Command {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "network", Required: true, Usage: "`FOLDER` with network.json and the epochs since"},
		&cli.Uint64Flag{Name: "epoch", Required: true, Usage: "`N`"},
		&cli.StringFlag{Name: "registry", Usage: "`ADDRESS` of the network's key registry, on a chain that others run"},
	}
	return &cli.Command{
		Name:  "epoch",
		Usage: "transactions by which the owner follows the committee",
		Description: `Prints a transaction of the owner of the system contracts as JSON: to whom, with
which data. Activate an epoch when its parties are ready; retire the one before
when nobody needs it any more, whereupon its shares are erased.`,
		Subcommands: []*cli.Command{
			{Name: "activate", Usage: "put an epoch in force that party reshare made", Flags: flags, Action: epochCall(network.Folder.ActivateEpoch)},
			{Name: "retire", Usage: "end an older epoch for ever", Flags: flags, Action: epochCall(network.Folder.RetireEpoch)},
		},
	}
}

func epochCall(data func(network.Folder, uint64) ([]byte, error)) cli.ActionFunc {
	return func(c *cli.Context) error {
		call, err := data(network.Folder(c.String("network")), c.Uint64("epoch"))
		if err != nil {
			return err
		}
		to, err := node.RegistryAddress(c.String("registry"))
		if err != nil {
			return err
		}
		fmt.Fprintf(c.App.Writer, "{\"to\": %q, \"data\": \"0x%x\"}\n", to, call)
		return nil
	}
}
