package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"fhevm/node"
	"fhevm/node/network"
	"fhevm/node/storage"

	"github.com/urfave/cli/v2"
)

var (
	storedFlag = &cli.StringFlag{Name: "data", Required: true, Usage: "data `FOLDER` of the node, which is stopped", EnvVars: []string{"FHEVM_DATA"}}
	jsonFlag   = &cli.BoolFlag{Name: "json", Usage: "print one JSON object"}
)

func storeCommand() *cli.Command {
	return &cli.Command{
		Name:  "store",
		Usage: "look after the ciphertexts of a node that is stopped",
		Description: `A node's store holds what the chain's log says (which handle is made how, and
which are wanted) and the ciphertexts computed from it. Whatever is lost of it is
computed or read from the chain again, so no command here can lose a value.`,
		Subcommands: []*cli.Command{statCommand(), verifyCommand(), pruneCommand(), retryCommand(), exportCommand(), importCommand()},
	}
}

func statCommand() *cli.Command {
	return &cli.Command{
		Name:  "stat",
		Usage: "count what is stored, and what is missing",
		Description: `"block" is the last block of the chain that is stored, "pending" counts handles
whose ciphertext is still to be computed, "failed" computations that cannot be,
"dropped" results that were pruned. Sizes are of keys and values; "on disk"
is what the files take.`,
		Flags:  []cli.Flag{storedFlag, jsonFlag},
		Action: runStat,
	}
}

func runStat(c *cli.Context) error {
	p := newPatience()
	stat, err := storage.Stat(c.String("data"), slog.Default(), p.update)
	p.done()
	if err != nil || c.Bool("json") {
		return printJSON(c, stat, err)
	}
	w := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "records\tsize\t\ttable")
	for _, t := range stat.Tables {
		fmt.Fprintf(w, "%d\t%s\t\t%s\n", t.Records, bytesText(t.Bytes), t.Table)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	block := "none"
	if stat.Block != nil {
		block = fmt.Sprint(*stat.Block)
	}
	fmt.Fprintf(c.App.Writer, "\nblock %s, %d pending, %d failed, %d dropped, %s on disk\n", block, stat.Pending, stat.Failures, stat.Dropped, bytesText(stat.Disk))
	return nil
}

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:  "verify",
		Usage: "look at every record, and repair what is wrong",
		Description: `Reads everything: whether it decodes, whether ciphertexts are what their digests
say, whether the tables fit each other. Exits with status 1 if something is wrong.
With --repair, damaged ciphertexts are dropped, and the node computes them again;
if the log itself is damaged, it goes back to the last good block, and the node
follows the chain from there again. What was computed stays.`,
		Flags:  []cli.Flag{storedFlag, jsonFlag, &cli.BoolFlag{Name: "repair", Usage: "mend what is found"}},
		Action: runVerify,
	}
}

// shownProblems is how many problems are printed for people; --json has more.
const shownProblems = 20

func runVerify(c *cli.Context) error {
	p := newPatience()
	repair := c.Bool("repair")
	report, err := storage.Verify(c.Context, c.String("data"), repair, slog.Default(), p.update)
	p.done()
	switch {
	case err != nil || report == nil:
		return err
	case c.Bool("json"):
		err = printJSON(c, report, nil)
	default:
		for i, x := range report.Problems {
			if i == shownProblems {
				break
			}
			fmt.Fprintf(c.App.Writer, "%s %s: %s\n    %s\n", x.Table, x.Key, x.What, x.Remedy)
		}
		fmt.Fprintf(c.App.Writer, "%d records, %d problems\n", report.Records, report.Found)
	}
	switch {
	case err != nil || report.Found == 0:
		return err
	case !repair:
		return errors.New("the store is damaged: mend it by --repair")
	}
	block := "starts anew from the chain's first block"
	if report.Block != nil {
		block = fmt.Sprintf("ends at block %d", *report.Block)
	}
	fmt.Fprintf(os.Stderr, "repaired: the log %s\n", block)
	return nil
}

func pruneCommand() *cli.Command {
	return &cli.Command{
		Name:  "prune",
		Usage: "drop what can be computed again",
		Description: `Keeps what the log says, every input, and every ciphertext that a contract made
decryptable. Drops intermediate results and squashed ciphertexts that are old, and
leftovers of interrupted work. All of it is computed again if it is ever needed, to
the same bytes. Try --dry-run first. A running node prunes by itself, slowly.`,
		Flags: []cli.Flag{storedFlag, jsonFlag,
			&cli.BoolFlag{Name: "dry-run", Usage: "say what would be dropped, and drop nothing"},
			&cli.Uint64Flag{Name: "keep-blocks", Value: node.DefaultKeep, Usage: "keep intermediate results of the last `N` blocks"},
			&cli.Uint64Flag{Name: "keep-squashed", Value: node.DefaultKeep, Usage: "keep squashed ciphertexts that were asked for in the last `N` blocks"},
		},
		Action: runPrune,
	}
}

func runPrune(c *cli.Context) error {
	p := newPatience()
	how := storage.Pruning(storage.Policy(c.Uint64("keep-blocks"), c.Uint64("keep-squashed")), c.Bool("dry-run"), p.update)
	pruned, err := storage.Prune(c.Context, c.String("data"), how, slog.Default())
	p.done()
	if err != nil || c.Bool("json") {
		return printJSON(c, pruned, err)
	}
	verb := "dropped"
	if how.DryRun {
		verb = "would drop"
	}
	fmt.Fprintf(c.App.Writer, "%s %d packed (%s), %d bare (%s), %d squashed (%s)\n", verb,
		pruned.Packed.Records, bytesText(pruned.Packed.Bytes), pruned.Bare.Records, bytesText(pruned.Bare.Bytes),
		pruned.Squashed.Records, bytesText(pruned.Squashed.Bytes))
	return nil
}

func exportCommand() *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     "write ciphertexts to an archive",
		ArgsUsage: "[HANDLE...]",
		Description: `fhevm-node store export [options] [HANDLE...]

Writes the ciphertexts of the handles, or of everything that contracts made
decryptable, so that another node of the same network need not compute them.
Ciphertexts are no secrets. With --network each digest is signed with that network's
coprocessor key, which is what lets an importer trust it.`,
		Flags: []cli.Flag{storedFlag, jsonFlag,
			&cli.StringFlag{Name: "out", Value: "-", Usage: "`FILE` to write, - for standard output"},
			&cli.BoolFlag{Name: "all", Usage: "also inputs and intermediate results"},
			&cli.StringFlag{Name: "network", Usage: "`FOLDER` that keygen made, to sign digests"},
		},
		Action: runExport,
	}
}

func runExport(c *cli.Context) error {
	what, err := storage.ParseSelection(c.Args().Slice(), c.Bool("all"))
	if err != nil {
		return err
	}
	out, signer, p := c.String("out"), network.Folder(c.String("network")), newPatience()
	if out == "-" && c.Bool("json") {
		return errors.New("--json needs --out FILE: the archive takes standard output")
	}
	result, err := storage.ExportFile(c.Context, out, c.String("data"), what, signer, slog.Default(), p.update)
	p.done()
	if err != nil || c.Bool("json") {
		return printJSON(c, result, err)
	}
	printLeftOut(os.Stderr, result.LeftOut)
	fmt.Fprintf(os.Stderr, "exported %d ciphertexts\n", result.Records)
	return nil
}

func importCommand() *cli.Command {
	return &cli.Command{
		Name:  "import",
		Usage: "read ciphertexts from an archive",
		Description: `Takes what the log of this node names and has no ciphertext yet, checks every
digest, and says what it left out and why. A digest says that the bytes are those
that the exporter had, not that it computed rightly: name the coprocessors whose
signatures you trust by --signer, or import only what you computed yourself.`,
		Flags: []cli.Flag{storedFlag, jsonFlag,
			&cli.StringFlag{Name: "in", Value: "-", Usage: "`FILE` to read, - for standard input"},
			&cli.StringSliceFlag{Name: "signer", Usage: "trust digests signed by this coprocessor's `ADDRESS`; may be repeated"},
			&cli.BoolFlag{Name: "trust", Usage: "trust every digest: for archives of your own"},
		},
		Action: runImport,
	}
}

func runImport(c *cli.Context) error {
	trust, err := storage.ParseTrust(c.StringSlice("signer"), c.Bool("trust"))
	if err != nil {
		return err
	}
	in := os.Stdin
	if name := c.String("in"); name != "-" {
		if in, err = os.Open(name); err != nil {
			return err
		}
		defer in.Close()
	}
	p := newPatience()
	result, err := storage.Import(c.Context, in, c.String("data"), trust, slog.Default(), p.count)
	p.done()
	if err != nil || c.Bool("json") {
		return printJSON(c, result, err)
	}
	printLeftOut(c.App.Writer, result.LeftOut)
	fmt.Fprintf(c.App.Writer, "imported %d ciphertexts, %d were there\n", result.Records, result.Known)
	return nil
}

func printLeftOut(w io.Writer, reasons map[string]uint64) {
	var lines []string
	for why, n := range reasons {
		lines = append(lines, fmt.Sprintf("left out %d: %s", n, why))
	}
	slices.Sort(lines)
	for _, line := range lines {
		fmt.Fprintln(w, line)
	}
}

// printJSON prints v unless err is set.
func printJSON(c *cli.Context, v any, err error) error {
	if err != nil {
		return err
	}
	e := json.NewEncoder(c.App.Writer)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func bytesText(n uint64) string {
	for _, unit := range []string{"B", "KB", "MB", "GB"} {
		if n < 10_000 {
			return fmt.Sprintf("%d %s", n, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%d TB", n)
}

// patience is a bar that appears when a command takes its time.
type patience struct {
	*bar
	begun time.Time
}

const shortTime = 2 * time.Second

func newPatience() *patience { return &patience{newBar(os.Stderr), time.Now()} }

func (p *patience) update(stage string, done, total int) {
	if time.Since(p.begun) > shortTime {
		p.bar.update(stage, done, total)
	}
}

// count is for work of unknown size.
func (p *patience) count(n int) {
	if time.Since(p.begun) > shortTime && time.Since(p.drawn) > shortTime {
		p.drawn = time.Now()
		fmt.Fprintf(p.w, "  %d records\n", n)
	}
}
