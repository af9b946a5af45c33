package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"fhevm/node/network"

	"github.com/urfave/cli/v2"
)

var keysFlag = &cli.StringFlag{
	Name: "keys", EnvVars: []string{"FHEVM_KEYS"},
	Usage: "`FOLDER` of the development network's keys, made if it is empty (0.9 GB; default: the user's cache folder)",
}

// devKeys returns the folder of the development keys, making them if needed.
func devKeys(c *cli.Context) (network.Folder, error) {
	folder := network.Folder(c.String("keys"))
	if folder == "" {
		var err error
		if folder, err = network.DevFolder(); err != nil {
			return "", err
		}
	}
	if folder.Exists() {
		return folder, nil
	}
	fmt.Fprintf(os.Stderr, "making the network's FHE keys in %s (once)\n", folder)
	return folder, dealDev(c.Context, folder)
}

// dealDev makes the development keys, unless the command is told to stop before
// they are done: the next one starts them anew.
func dealDev(ctx context.Context, folder network.Folder) error {
	made := make(chan error, 1)
	go func() {
		bar := newBar(os.Stderr)
		err := folder.DealDev(bar.update)
		bar.done()
		made <- err
	}()
	select {
	case err := <-made:
		return err
	case <-ctx.Done():
		return errors.New("stopped before the keys were made")
	}
}

// bar shows how far long stages are: redrawn on a terminal, otherwise a line
// for each quarter.
type bar struct {
	w        io.Writer
	terminal bool
	stage    string
	start    time.Time
	quarter  int
	drawn    time.Time
}

func newBar(f *os.File) *bar {
	info, err := f.Stat()
	return &bar{w: f, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

const barWidth = 30

func (b *bar) update(stage string, done, total int) {
	if stage != b.stage {
		b.done()
		b.stage, b.start, b.quarter = stage, time.Now(), 0
	}
	switch {
	case b.terminal && (done == total || time.Since(b.drawn) > 100*time.Millisecond):
		b.drawn = time.Now()
		filled := barWidth * done / total
		fmt.Fprintf(b.w, "\r  %-16s [%s%s] %3d%%  %.1f s", stage, strings.Repeat("#", filled), strings.Repeat(".", barWidth-filled),
			100*done/total, time.Since(b.start).Seconds())
	case !b.terminal && 4*done/total > b.quarter:
		b.quarter = 4 * done / total
		fmt.Fprintf(b.w, "  %s %d%% (%.1f s)\n", stage, 25*b.quarter, time.Since(b.start).Seconds())
	}
}

func (b *bar) done() {
	if b.terminal && b.stage != "" {
		fmt.Fprintln(b.w)
	}
}
