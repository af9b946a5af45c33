// Command bench measures the engine on this machine and writes one row per
// figure to bench/results/<part>.json:
//
//	engine   bootstraps and operations
//	squash   preparing decryptions
//	keys     the dealer ceremony
//	network  a node under a load of transfers (10 minutes on 2 cores)
//	cluster  a node whose work is done by one worker process, by two, and so on (10 minutes)
//	committee  key generation without a dealer, and decryptions by four processes, then by seven
//
// With -peer it measures operations in turn with a peer's program instead and
// writes their ratios to bench/results/peers.json.
//
// Timings are medians. Run it on a quiet machine: make bench, make bench-peers.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"fhevm/node/network"
)

// options are the command's flags.
type options struct {
	out, part, peer string
	worker, token   string // of a process that is a worker
	generate, plan  string // of one that takes part in a key generation
	serve, rpc, api string // of one that is a party
	own             string
	only            selection
}

func main() {
	var o options
	flag.StringVar(&o.out, "out", "bench/results", "`folder` to write")
	flag.StringVar(&o.part, "part", "", "measure one `part` only: engine, squash, keys, network, cluster or committee")
	flag.StringVar(&o.worker, "worker", "", "be a worker of the cluster at `URL`, as -part cluster starts them")
	flag.StringVar(&o.token, "token", "", "`file` with that cluster's token")
	flag.StringVar(&o.generate, "generate", "", "be the party with this `folder` in a key generation, as -part committee starts them")
	flag.StringVar(&o.plan, "plan", "", "`file` with that generation's plan")
	flag.StringVar(&o.serve, "serve", "", "be the party with this `folder`")
	flag.StringVar(&o.rpc, "rpc", "", "JSON-RPC `URL` of the party's node")
	flag.StringVar(&o.api, "api", "", "wallet API `URL` of the party's node")
	flag.StringVar(&o.own, "own", "", "`address` of that node's coprocessor, if the party takes its word alone")
	flag.StringVar(&o.peer, "peer", "", "compare with the peer that this `program` measures; arguments may follow it")
	flag.Var(&o.only, "only", "measure rows with all words of one of these `terms` only, separated by commas; the others stay as they are")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := o.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (o *options) run(ctx context.Context) error {
	if o.generate != "" {
		return o.takePart(ctx)
	}
	if o.serve != "" {
		return o.serveParty(ctx)
	}
	folder, err := network.DevFolder()
	if err != nil {
		return err
	}
	if err := folder.DealDev(func(string, int, int) {}); err != nil {
		return err
	}
	if o.worker != "" {
		return o.work(ctx, folder)
	}
	if o.peer != "" {
		return o.compare(ctx, folder)
	}
	for _, part := range []struct {
		name    string
		measure func(context.Context, network.Folder, *recorder) error
	}{{"engine", o.engine}, {"squash", squashing}, {"keys", keys}, {"network", o.network}, {"cluster", o.cluster}, {"committee", o.committee}} {
		if o.part != "" && o.part != part.name {
			continue
		}
		file, err := openResults(o.path(part.name), len(o.only) > 0, func(r row) string { return r.Name })
		if err != nil {
			return err
		}
		if err := part.measure(ctx, folder, &recorder{file, here()}); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

func (o *options) path(part string) string { return filepath.Join(o.out, part+".json") }

// selection chooses rows by their words: those with all words of one term. An
// empty one chooses all.
type selection [][]string

func (s *selection) String() string { return fmt.Sprint(*s) }

// Set parses terms separated by commas.
func (s *selection) Set(terms string) error {
	for term := range strings.SplitSeq(terms, ",") {
		*s = append(*s, strings.Fields(term))
	}
	return nil
}

func (s selection) has(name string) bool {
	words := strings.Fields(name)
	missing := func(w string) bool { return !slices.Contains(words, w) }
	return len(s) == 0 || slices.ContainsFunc(s, func(term []string) bool { return !slices.ContainsFunc(term, missing) })
}
