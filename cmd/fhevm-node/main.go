// Command fhevm-node runs every role of an encrypted smart-contract network.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"
)

// version is set by the linker.
var version = "unknown"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newApp().RunContext(ctx, os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "fhevm-node:", err)
		os.Exit(1)
	}
}

func newApp() *cli.App {
	app := &cli.App{
		Name:  "fhevm-node",
		Usage: "an EVM chain on which contracts compute on encrypted integers",
		Description: `Try it:              fhevm-node demo
Develop contracts:   fhevm-node dev
On another chain:    fhevm-node attach
Run a committee:     fhevm-node party init, then keygen, then party run
Change a committee:  fhevm-node party reshare, then epoch activate | retire
Look at a node:      fhevm-node status
Look after a disk:   fhevm-node store stat | verify | prune | retry`,
		Version:         version,
		HideVersion:     true,
		HideHelpCommand: true,
		Flags:           logFlags,
		Before:          setLogger,
		Commands:        []*cli.Command{demoCommand(), devCommand(), attachCommand(), keygenCommand(), partyCommand(), coprocessorCommand(), epochCommand(), workerCommand(), statusCommand(), storeCommand(), auditCommand(), versionCommand()},
	}
	setHelp(app)
	return app
}

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version",
		Action: func(c *cli.Context) error {
			fmt.Fprintln(c.App.Writer, "fhevm-node", version)
			return nil
		},
	}
}
