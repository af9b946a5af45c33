package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"fhevm/node"

	"github.com/urfave/cli/v2"
)

func partyStatusCommand() *cli.Command {
	return &cli.Command{
		Name:  "status",
		Usage: "show how a running party does, and what to do if it does not",
		Description: `Asks a party that runs with --metrics. Exits with 1 if the party cannot answer
requests. "peers" matter for public decryptions only: users' requests are
answered without them.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "metrics", Value: node.DefaultPartyMetrics, Usage: "`ADDRESS` that party run was given as --metrics"},
			&cli.BoolFlag{Name: "json", Usage: "print the answer as JSON"},
		},
		Action: func(c *cli.Context) error {
			s, err := node.FetchPartyStatus(c.Context, c.String("metrics"))
			if err != nil {
				return err
			}
			if c.Bool("json") {
				e := json.NewEncoder(c.App.Writer)
				e.SetIndent("", "  ")
				err = e.Encode(s)
			} else {
				printPartyStatus(c.App.Writer, s)
			}
			if err == nil && !s.OK {
				err = errors.New("the party cannot answer requests")
			}
			return err
		},
	}
}

func printPartyStatus(w io.Writer, s *node.PartyStatus) {
	for _, row := range [][2]string{
		{"Party", fmt.Sprintf("%d of %d in epoch %d, fhevm-node %s, since %s", s.Party, s.Parties, s.Epoch, s.Version, s.Started.Format(time.RFC3339))},
		{"Chain", fmt.Sprintf("%s network, chain %d, final block %d of %d", s.Network, s.ChainID, s.Final, s.Head)},
		{"Openings", fmt.Sprintf("%d of %d squashed blocks (%.2g %%)", s.Openings, s.Limit, 100*float64(s.Openings)/float64(max(1, s.Limit)))},
		{"Quotas", fmt.Sprintf("user %d a minute, %d a day; relay or party %d a minute, %d a day", s.Quotas.User.Minute, s.Quotas.User.Day, s.Quotas.Caller.Minute, s.Quotas.Caller.Day)},
		{"Believes", s.Believes},
		{"Peers", peers(s)},
		{"Audit log", s.Audit.String()},
	} {
		fmt.Fprintf(w, "%-12s %s\n", row[0], row[1])
	}
	for _, e := range s.LastError {
		fmt.Fprintf(w, "%-12s %s %s\n", "Error", e.Time.Format(time.RFC3339), e.Message)
	}
	if len(s.Problems) == 0 {
		fmt.Fprintf(w, "%-12s %s\n", "Problems", "none")
	}
	for _, p := range s.Problems {
		fmt.Fprintf(w, "%-12s %s: %s\n%-12s %s\n", "PROBLEM", p.Check, p.What, "  do", p.Advice)
	}
}

func peers(s *node.PartyStatus) string {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(s.Peers)) {
		state := "down"
		if s.Peers[id] {
			state = "up"
		}
		out = append(out, fmt.Sprintf("%d %s", id, state))
	}
	return strings.Join(out, ", ")
}
