package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"fhevm/node/network"
)

// localCommittee is a committee of processes of this program, each with a folder of
// its own.
type localCommittee struct {
	dir     string
	size    int
	program string
	running []*exec.Cmd
}

func newLocalCommittee(dir string, size int) (*localCommittee, error) {
	program, err := os.Executable()
	return &localCommittee{dir: dir, size: size, program: program}, err
}

func (l *localCommittee) party(i int) string { return filepath.Join(l.dir, fmt.Sprint("party-", i)) }

// generate has the parties make a network's keys, and returns the folder of the node
// that they serve.
func (l *localCommittee) generate(ctx context.Context) (network.Folder, error) {
	var members []string
	for i := 1; i <= l.size; i++ {
		address, err := freeAddress()
		if err != nil {
			return "", err
		}
		_, public, err := network.InitParty(l.party(i), address, "")
		if err != nil {
			return "", err
		}
		members = append(members, public)
	}
	list, err := network.ReadMembers(members)
	if err != nil {
		return "", err
	}
	folder := network.Folder(filepath.Join(l.dir, "node"))
	if _, err := folder.Draft(network.Plan{Members: list}); err != nil {
		return "", err
	}
	if err := l.keygen(ctx, folder); err != nil {
		return "", err
	}
	return folder, folder.Adopt(network.Folder(filepath.Join(l.party(1), "network")))
}

// keygen runs the parties' processes to their end. The first shows its progress.
func (l *localCommittee) keygen(ctx context.Context, folder network.Folder) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, l.size)
	for i := 1; i <= l.size; i++ {
		args := []string{"party", "keygen", "--identity", filepath.Join(l.party(i), "party.identity"),
			"--plan", folder.PlanFile(), "--out", filepath.Join(l.party(i), "network")}
		if i > 1 {
			args = append(args, "--share-only")
		}
		cmd := exec.CommandContext(ctx, l.program, args...)
		said := new(strings.Builder)
		cmd.Stderr = io.Writer(said)
		if i == 1 {
			cmd.Stderr = io.MultiWriter(os.Stderr, said)
		}
		go func() {
			err := cmd.Run()
			if err != nil {
				err = fmt.Errorf("party %d: %w: %s", i, err, lastLine(said.String()))
			}
			ended <- err
		}()
	}
	for range l.size {
		if err := <-ended; err != nil {
			return err
		}
	}
	return nil
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

// serve starts the parties, which follow a node.
func (l *localCommittee) serve(ctx context.Context, rpc, api string) error {
	for i := 1; i <= l.size; i++ {
		cmd := exec.CommandContext(ctx, l.program, "party", "run", "--identity", filepath.Join(l.party(i), "party.identity"),
			"--network", filepath.Join(l.party(i), "network"), "--data", filepath.Join(l.party(i), "data"), "--rpc", rpc, "--api", api)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		l.running = append(l.running, cmd)
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			return fmt.Errorf("party %d does not start: %w", i, err)
		}
	}
	return nil
}

// stop ends the parties.
func (l *localCommittee) stop() (err error) {
	for _, cmd := range l.running {
		_ = cmd.Process.Signal(os.Interrupt)
	}
	for i, cmd := range l.running {
		if e := cmd.Wait(); e != nil {
			err = errors.Join(err, fmt.Errorf("party %d: %w", i+1, e))
		}
	}
	return err
}

// freeAddress is one that nobody listens at, for a process that is to.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
