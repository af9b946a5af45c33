package main

import (
	"errors"
	"fmt"
	"time"

	"fhevm/node/network"
	"fhevm/node/records"

	"github.com/urfave/cli/v2"
)

func partyKeyCommand() *cli.Command {
	return &cli.Command{
		Name:  "key",
		Usage: "make a key for a custodian of backups, or to restore with",
		Description: `Writes an age key (hybrid, as age-keygen -pq makes) and prints its recipient, which
is public. A custodian keeps the key for as long as backups name it; an operator who
restores makes one for that day.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Required: true, Usage: "`FILE` to write, new"},
			passphraseFlag("passphrase-file", "the key is encrypted with"),
		},
		Action: func(c *cli.Context) error {
			passphrase, err := newPassphrase(c, "passphrase-file")
			if err != nil {
				return err
			}
			recipient, err := records.CreateKey(c.String("out"), passphrase)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.App.Writer, recipient)
			return nil
		},
	}
}

func partyBackupCommand() *cli.Command {
	return &cli.Command{
		Name:  "backup",
		Usage: "split a party's secrets among custodians",
		Description: `Encrypts the party's identity, its shares of all epochs that it has any of, network.json
and the epochs' descriptions with a fresh key, splits the key so that any K custodians
give it back and fewer learn nothing, and encrypts each part to its custodian. Give
share-NN.age to custodian NN. manifest.json and party.backup are of use to nobody
without K shares: keep copies of both apart from this machine, with the custodians for
example.

The party may be running. Make a new backup after each change of committee or
epoch, when quotas were raised, and every few months: a restored party has to
assume that it used up its quotas every day since the backup.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "identity", Required: true, Usage: "`FILE` that party init wrote"},
			passphraseFlag("passphrase-file", "the identity is encrypted with, if it is"),
			&cli.StringFlag{Name: "network", Required: true, Usage: "`FOLDER` with network.json and this party's share file"},
			&cli.StringFlag{Name: "data", Required: true, Usage: "`FOLDER` of this party's records"},
			&cli.StringSliceFlag{Name: "custodian", Required: true, Usage: "`RECIPIENT` that party key printed (age1pq1…), or a file that holds it; once for each custodian"},
			&cli.IntFlag{Name: "threshold", Required: true, Usage: "`K` custodians who together restore"},
			&cli.BoolFlag{Name: "never-ran", Usage: "the party never ran, so that there is no audit log to count from"},
			&cli.StringFlag{Name: "out", Required: true, Usage: "`FOLDER` to write, new"},
		},
		Action: backupParty,
	}
}

func backupParty(c *cli.Context) error {
	passphrase, err := passphraseFor(c, "passphrase-file", c.String("identity"))
	if err != nil {
		return err
	}
	b := &records.Backup{
		Network: network.Folder(c.String("network")), Identity: c.String("identity"), Passphrase: passphrase, Data: c.String("data"),
		Custodians: c.StringSlice("custodian"), Threshold: c.Int("threshold"), Unused: c.Bool("never-ran"), Out: c.String("out"),
	}
	made, err := b.Write()
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "%s is in %s: %d of %d custodians restore it\n", made.Seats, b.Out, b.Threshold, len(b.Custodians))
	fmt.Fprintf(c.App.Writer, "  give share-NN.age to custodian NN, and copies of manifest.json and party.backup to several\n")
	if made.PerDay == 0 {
		fmt.Fprintf(c.App.Writer, "  the party has not run yet, or runs without a quota of callers a day: to restore, its operator will have to\n  state how much it opened. Make another backup once it runs with quotas\n")
	}
	return nil
}

func partyRestoreCommand() *cli.Command {
	return &cli.Command{
		Name:  "restore",
		Usage: "restore a party from its custodians' shares",
		Description: `In three steps, in which nobody sees a share in the clear:

1. The operator, on the new machine:   party key --out restore.key
   and tells the custodians the recipient that it prints.
2. Each custodian, after making sure that it is the operator who asks:
   party restore --share share-NN.age --identity CUSTODIAN.key --to RECIPIENT --out for-operator-NN.age
3. The operator, with manifest.json and party.backup in BACKUP:
   party restore --backup BACKUP --share for-operator-01.age --share … --identity restore.key --out FOLDER

FOLDER then has all that party run needs: --identity FOLDER/party.identity
--network FOLDER --data FOLDER/data. Nothing is overwritten. A share that is damaged
or of another backup is named, and does no harm where enough others are there.

What a backup cannot hold is what the party did after it. Of that, the number of
openings matters: the restored party goes on from an upper bound, the count of the
backup and all that its quotas allow since. --openings states a lower one that you can
vouch for, such as the last count in a copy of the audit log, read after the party
had stopped. Restore only a party whose machine is gone for good: where two run, each
counts for itself. Where somebody else may have the machine's secrets, do not restore:
have the network move to a new epoch.`,
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "share", Required: true, Usage: "`FILE` of a share; a custodian names one, the operator K"},
			&cli.StringFlag{Name: "identity", Required: true, Usage: "`FILE` that party key wrote: the custodian's, or the operator's"},
			passphraseFlag("passphrase-file", "that key is encrypted with, if it is"),
			&cli.StringFlag{Name: "out", Required: true, Usage: "`FILE` (custodian) or FOLDER (operator) to write, new"},
			&cli.StringFlag{Name: "to", Usage: "custodian: `RECIPIENT` of the operator who restores, or a file that holds it"},
			&cli.StringFlag{Name: "backup", Usage: "operator: `FOLDER` with manifest.json and party.backup"},
			&cli.Uint64Flag{Name: "openings", Usage: "operator: `N` squashed blocks that the party opened at most (default: an upper bound by its quotas)"},
			passphraseFlag("new-passphrase-file", "the restored identity is encrypted with (operator)"),
		},
		Action: restoreParty,
	}
}

func restoreParty(c *cli.Context) error {
	passphrase, err := passphraseFor(c, "passphrase-file", c.String("identity"))
	if err != nil {
		return err
	}
	shares := c.StringSlice("share")
	switch {
	case c.IsSet("to") == c.IsSet("backup"):
		return errors.New("name --to as a custodian, or --backup as the party's operator: see party restore --help")
	case c.IsSet("to") && len(shares) != 1:
		return errors.New("a custodian forwards one --share at a time")
	case c.IsSet("to"):
		return forwardShare(c, &records.Forward{Share: shares[0], Key: c.String("identity"), Passphrase: passphrase, To: c.String("to"), Out: c.String("out")})
	}
	fresh, err := newPassphrase(c, "new-passphrase-file")
	if err != nil {
		return err
	}
	return restoreFolder(c, &records.Restore{
		Backup: c.String("backup"), Shares: shares, Key: c.String("identity"), Passphrase: passphrase, New: fresh, Openings: c.Uint64("openings"), Out: c.String("out"),
	})
}

func forwardShare(c *cli.Context, f *records.Forward) error {
	about, err := f.Write()
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "share %d of party %d (signer %s), of which %d are needed, is in %s for %.20s…\n",
		about.Index, about.Party, about.Signer, about.Threshold, f.Out, f.To)
	return nil
}

func restoreFolder(c *cli.Context, r *records.Restore) error {
	out, err := r.Write()
	if err != nil {
		return err
	}
	for _, p := range out.Problems {
		fmt.Fprintf(c.App.ErrWriter, "not used: %v\n", p)
	}
	fmt.Fprintf(c.App.Writer, "%s, as of %s, is in %s\n", out.Seats, out.Created.Format(time.RFC3339), r.Out)
	fmt.Fprintf(c.App.Writer, "  it goes on counting from %d of %d openings\n", out.Openings, out.Limit)
	fmt.Fprintf(c.App.Writer, "  run it: fhevm-node party run --identity %[1]s/party.identity --network %[1]s --data %[1]s/data\n", r.Out)
	return nil
}
