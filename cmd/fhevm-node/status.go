package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"fhevm/node"

	"github.com/urfave/cli/v2"
)

func statusCommand() *cli.Command {
	return &cli.Command{
		Name:  "status",
		Usage: "show how a running node does",
		Description: `Asks a node for fhevm_status: what it runs, how far its coprocessor has read the
chain, what is queued and how long that takes, and whether it takes orders. A node
that serves another's chain answers at its own address:

  fhevm-node status --rpc http://127.0.0.1:8546/rpc`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "rpc", Value: "http://" + node.DefaultRPC, Usage: "JSON-RPC `URL` of the node"},
			&cli.BoolFlag{Name: "json", Usage: "print the answer as JSON"},
		},
		Action: func(c *cli.Context) error {
			s, err := node.FetchStatus(c.Context, c.String("rpc"))
			if err != nil {
				return err
			}
			if c.Bool("json") {
				e := json.NewEncoder(c.App.Writer)
				e.SetIndent("", "  ")
				return e.Encode(s)
			}
			printStatus(c.App.Writer, s)
			return nil
		},
	}
}

func printStatus(w io.Writer, s *node.Status) {
	for _, row := range [][2]string{
		{"Node", fmt.Sprintf("fhevm-node %s, %s network, chain %d, protocol version %d", s.Version, s.Network, s.Domain.ChainID, s.Domain.Protocol)},
		{"Network key", s.Domain.KeyID.String()},
		{"ACL", s.Domain.ACL.String()},
		{"Blocks", blocks(s)},
		{"Queue", fmt.Sprintf("%d ciphertexts are missing: %d computations, %d of them running, about %d bootstraps", s.Queue.Missing, s.Queue.Computations, s.Queue.Running, s.Queue.Bootstraps)},
		{"Rate", rate(s)},
		{"Orders", orders(s)},
		{"Done", fmt.Sprintf("%d computations, %d failed, %d bootstraps since the start", s.Computations, s.Failures, s.Bootstraps)},
	} {
		fmt.Fprintf(w, "%-12s %s\n", row[0], row[1])
	}
}

func blocks(s *node.Status) string {
	if n := s.Behind(); n > 0 {
		return fmt.Sprintf("final block %d; the coprocessor is %d blocks behind", s.Head, n)
	}
	return fmt.Sprintf("final block %d; the coprocessor has read all", s.Head)
}

func seconds(s float64) time.Duration {
	return (time.Duration(s * float64(time.Second))).Round(time.Second)
}

func rate(s *node.Status) string {
	if s.BootstrapsPerSec == 0 {
		return "not known until the machine has been full for a second"
	}
	return fmt.Sprintf("%.0f bootstraps a second when full: the queue lasts %v", s.BootstrapsPerSec, seconds(s.DelaySeconds))
}

func orders(s *node.Status) string {
	switch {
	case !s.Accepting:
		return fmt.Sprintf("REFUSED until the queue is shorter; limit %v, %d transactions refused", seconds(s.MaxDelaySeconds), s.RefusedTransactions)
	case s.MaxDelaySeconds == 0:
		return "taken, without limit"
	}
	return fmt.Sprintf("taken while the queue lasts less than %v; %d transactions refused so far", seconds(s.MaxDelaySeconds), s.RefusedTransactions)
}
