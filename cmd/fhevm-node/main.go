// Command fhevm-node runs every role of an encrypted smart-contract network.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	gethlog "github.com/ethereum/go-ethereum/log"
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
Run a committee:     fhevm-node party init, then keygen, then party run
Look after a disk:   fhevm-node store stat | verify | prune`,
		Version:         version,
		HideVersion:     true,
		HideHelpCommand: true,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "log", Value: "warn", Usage: "log `LEVEL` on standard error: debug, info, warn or error", EnvVars: []string{"FHEVM_LOG"}},
		},
		Before:   setLogger,
		Commands: []*cli.Command{demoCommand(), devCommand(), keygenCommand(), partyCommand(), storeCommand(), versionCommand()},
	}
	setHelp(app)
	return app
}

func setLogger(c *cli.Context) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.String("log"))); err != nil {
		return fmt.Errorf("--log: %w", err)
	}
	handler := slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})
	slog.SetDefault(slog.New(handler))
	// go-ethereum is chatty: it speaks at one level less than we do.
	gethlog.SetDefault(gethlog.NewLogger(gethlog.NewTerminalHandlerWithLevel(os.Stderr, max(level+4, slog.LevelWarn), false)))
	return nil
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
