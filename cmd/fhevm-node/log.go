package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	gethlog "github.com/ethereum/go-ethereum/log"
	"github.com/urfave/cli/v2"
)

var logFlags = []cli.Flag{
	&cli.StringFlag{Name: "log", Value: "warn", Usage: "log `LEVEL` on standard error: debug, info, warn or error", EnvVars: []string{"FHEVM_LOG"}},
	&cli.StringFlag{Name: "log-format", Value: "text", Usage: "log `FORMAT`: text, or json with an object a line", EnvVars: []string{"FHEVM_LOG_FORMAT"}},
}

// setLogger makes the one logger of the process.
func setLogger(c *cli.Context) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.String("log"))); err != nil {
		return fmt.Errorf("--log: %w", err)
	}
	own, geth, err := logHandlers(os.Stderr, level, c.String("log-format"))
	if err != nil {
		return err
	}
	gethlog.SetDefault(gethlog.NewLogger(geth)) // takes slog's place too, so ours comes after it
	slog.SetDefault(slog.New(own))
	return nil
}

// logHandlers are ours and go-ethereum's, which is chatty: it speaks at one level
// less than we do.
func logHandlers(w io.Writer, level slog.Level, format string) (own, geth slog.Handler, err error) {
	options, quieter := &slog.HandlerOptions{Level: level}, max(level+4, slog.LevelWarn)
	switch format {
	case "text":
		return slog.NewTextHandler(w, options), gethlog.NewTerminalHandlerWithLevel(w, quieter, false), nil
	case "json":
		return slog.NewJSONHandler(w, options), gethlog.JSONHandlerWithLevel(w, quieter), nil
	}
	return nil, nil, fmt.Errorf("--log-format is %q, want text or json", format)
}
