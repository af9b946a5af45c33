package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"fhevm/node/records"

	"github.com/urfave/cli/v2"
)

func partyAuditCommand() *cli.Command {
	return &cli.Command{
		Name:  "audit",
		Usage: "verify a party's audit log and sum it up",
		Description: `Follows the chain of hashes through the whole log, checks every signed head, and
prints what was decided. The party may be running. Any byte that was changed,
any record that was removed or moved is found. A log that merely ends too early is
not: keep the head that this command prints, elsewhere, and give it next time as
--head.

With --json the summary comes last, after one object for each record: what was
asked, by whom, on which block it was decided, and how. With --epoch only what
concerns that epoch is counted and listed. No record holds a
plaintext, a share or a key.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "data", Required: true, Usage: "`FOLDER` that party run was given as --data"},
			&cli.UintFlag{Name: "party", Usage: "`NUMBER` of the party, where the folder is of a node that plays several"},
			&cli.Uint64Flag{Name: "epoch", Usage: "`NUMBER` of the epoch whose decisions are wanted (default: of all that the log covers)"},
			&cli.StringFlag{Name: "head", Usage: "`NUMBER:HASH` that an earlier audit printed: fail unless the log still contains it"},
			&cli.StringFlag{Name: "signer", Usage: "`ADDRESS` that must have signed the log (default: whoever did)"},
			&cli.BoolFlag{Name: "json", Usage: "list every record as JSON, one a line"},
		},
		Action: auditParty,
	}
}

func auditParty(c *cli.Context) error {
	a, err := records.NewAudit(c.String("data"), c.Uint("party"), c.Uint64("epoch"), c.String("head"), c.String("signer"))
	if err != nil {
		return err
	}
	if !c.Bool("json") {
		s, err := a.Read(nil)
		if err != nil {
			return err
		}
		printAudit(c.App.Writer, s, a.Report(s))
		return nil
	}
	out := json.NewEncoder(c.App.Writer)
	s, err := a.Read(func(r *records.Record, at records.Position) error {
		return out.Encode(struct {
			*records.Record
			Hash any `json:"hash"`
		}{r, at.Hash})
	})
	if err != nil {
		return err
	}
	return out.Encode(map[string]any{"summary": a.Report(s)})
}

func printAudit(w io.Writer, s *records.Summary, r *records.Summed) {
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("Signer", "%s", s.Signer)
	row("Records", "%d in %d files, %s to %s", s.Head.Seq, s.Files, s.First.Format(time.RFC3339), s.Last.Format(time.RFC3339))
	for _, kind := range slices.Sorted(maps.Keys(r.Outcomes)) {
		for _, outcome := range slices.Sorted(maps.Keys(r.Outcomes[kind])) {
			row(kind, "%d %s", r.Outcomes[kind][outcome], cmp.Or(outcome, "answered"))
		}
	}
	for _, e := range r.Epochs {
		row("Epoch", "%d, as party %d, for at most %d openings", e.Epoch, e.Party, e.Limit)
	}
	row("Openings", "%d of the key, at the last decision", s.Openings)
	row("Processes", "%d, and %d crashes that left a record unfinished", s.Starts, s.Cuts)
	if u := s.Unlisted; u.Refusals+u.Repeats > 0 {
		row("Unlisted", "%d refusals, and %d answers that said nothing new, are counted only", u.Refusals, u.Repeats)
	}
	for _, t := range s.Torn {
		row("UNFINISHED", "audit-%08d.log ends within a record, after %d bytes: the party is writing, or crashed, or somebody cut the log", t.File, t.Offset)
	}
	row("Signed", "up to record %d", s.Signed.Seq)
	row("Head", "%s", s.Head)
}
