package main

import (
	"fmt"
	"log/slog"
	"os"

	"fhevm/node"

	"github.com/urfave/cli/v2"
)

func auditCommand() *cli.Command {
	return &cli.Command{
		Name:  "verify",
		Usage: "compute again what a node has computed, and compare",
		Description: `Reads the chain's log at --rpc, draws a sample of the handles that blocks from
--from on made decryptable, fetches what the node at --api signs for them,
computes them again and compares every digest. What entered their transactions
from earlier ones is taken as the node signs it, so a sample costs what it
computes; --sample 1 takes nothing and computes all from the chain's inputs.

Nothing secret is needed: the network's public keys, and a chain node of your
own. A disagreement is printed with the node's signatures, of the result and of
the operands: together they show who signed what. Only signatures of coprocessors
count that the policy of a committee in force lists: the key registry says which
epochs are, network.json and epoch-N.json describe them. The exit status is 0 only
if every handle of the sample agrees: a node that withholds a ciphertext, garbles
it or has it signed by a stranger has not been verified. What is read and computed
stands in a temporary folder (TMPDIR) meanwhile.`,
		Flags: append(chainFlags(),
			keysFlag,
			&cli.StringFlag{Name: "network", Usage: "`FOLDER` with network.json, epoch-N.json and the public keys, instead of development keys"},
			&cli.StringFlag{Name: "api", Value: "http://" + node.DefaultAPI, Usage: "wallet API `URL` of the node to verify"},
			&cli.Uint64Flag{Name: "from", Usage: "first `BLOCK` whose handles are verified"},
			&cli.Float64Flag{Name: "sample", Value: 1, Usage: "verify the fraction `P` of them"},
			&cli.Uint64Flag{Name: "seed", Usage: "`NUMBER` that decides which; another one draws others"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object per handle on standard output"},
			&cli.IntFlag{Name: "workers", Usage: "run `N` bootstraps at a time (default: one per processor)"},
		),
		Action: runAudit,
	}
}

func runAudit(c *cli.Context) error {
	folder, err := folderOf(c)
	if err != nil {
		return err
	}
	at, err := attachOf(c)
	if err != nil {
		return err
	}
	bar := newBar(os.Stderr)
	report := node.PrintFinding
	if c.Bool("json") {
		report = node.PrintFindingJSON
	}
	v, err := node.Verify(c.Context, node.VerifyConfig{
		Network: folder, Chain: at, API: c.String("api"), From: c.Uint64("from"),
		Sample: c.Float64("sample"), Seed: c.Uint64("seed"), Workers: c.Int("workers"), Logger: slog.Default(),
		Progress: func(stage string, done, total uint64) { bar.update(stage, int(done), int(max(total, 1))) },
		Report:   func(f *node.Finding) { report(c.App.Writer, f) },
	})
	bar.done()
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%d of %d handles computed again: %d agree, %d disagree, %d could not be compared\n",
		v.Agree+v.Disagree+v.Unclear, v.Wanted, v.Agree, v.Disagree, v.Unclear)
	return v.Err()
}
