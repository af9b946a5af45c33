package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"fhevm/node"
	"fhevm/node/network"
)

// generation measures n processes of this program that make a network's keys
// together, all on this machine.
func generation(ctx context.Context, dir string, n int, r *recorder) error {
	plan, err := draft(dir, n)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	start := time.Now()
	var parties []*exec.Cmd
	for i := range n {
		cmd := exec.CommandContext(ctx, self, "-generate", party(dir, i), "-plan", plan)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			return err
		}
		parties = append(parties, cmd)
	}
	var peak int64 // KB
	for i, cmd := range parties {
		if e := cmd.Wait(); e != nil {
			err = errors.Join(err, fmt.Errorf("party %d: %w", i+1, e))
		} else if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			peak = max(peak, usage.Maxrss)
		}
	}
	if err != nil {
		return err
	}
	return errors.Join(
		r.add(keygenRow(n), time.Since(start).Seconds(), "s", 900),
		r.add(keygenRow(n)+": peak memory of a party", float64(peak)/1000, "MB", 4000))
}

func keygenRow(parties int) string {
	return fmt.Sprint("key generation without a dealer, committee of ", parties)
}

func party(dir string, i int) string { return filepath.Join(dir, fmt.Sprint("party-", i+1)) }

// draft makes the parties' identities and the plan.
func draft(dir string, n int) (plan string, err error) {
	var members []string
	for i := range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		_, public, err := network.InitParty(party(dir, i), l.Addr().String(), "")
		if err := errors.Join(err, l.Close()); err != nil {
			return "", err
		}
		members = append(members, public)
	}
	list, err := network.ReadMembers(members)
	if err != nil {
		return "", err
	}
	folder := network.Folder(filepath.Join(dir, "node"))
	_, err = folder.Draft(network.Plan{Members: list})
	return folder.PlanFile(), err
}

// takePart is the life of such a process.
func (o *options) takePart(ctx context.Context) error {
	_, err := node.Generate(ctx, node.GenerationConfig{
		Plan: o.plan, Identity: filepath.Join(o.generate, "party.identity"), Out: network.Folder(filepath.Join(o.generate, "network")), Public: true,
	})
	return err
}
