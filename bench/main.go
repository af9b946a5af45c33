// Command bench measures the engine on this machine and writes one row per
// figure to bench/results/<part>.json:
//
//	engine   bootstraps, operations and a transfer's operations
//	squash   preparing decryptions
//	keys     the dealer ceremony
//
// Timings are medians. Run it on a quiet machine: make bench.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"fhevm/fhe/tfhe"
	"fhevm/node/network"
)

// row is one promised or measured figure.
type row struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Target float64 `json:"target,omitempty"` // 0: none promised
	CPU    string  `json:"cpu"`
	Commit string  `json:"commit"`
	Params string  `json:"params"`
}

// recorder collects the rows of one part.
type recorder struct {
	rows        []row
	cpu, commit string
}

func (r *recorder) add(name string, value float64, unit string, target float64) {
	r.rows = append(r.rows, row{name, value, unit, target, r.cpu, r.commit, tfhe.Default.Name})
	fmt.Printf("%-44s %12.3f %s\n", name, value, unit)
}

func (r *recorder) write(path string) error {
	b, err := json.MarshalIndent(r.rows, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

func main() {
	out := flag.String("out", "bench/results", "`folder` to write")
	part := flag.String("part", "", "measure one `part` only: engine, squash or keys")
	flag.Parse()
	if err := run(context.Background(), *out, *part); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out, only string) error {
	folder, err := network.DevFolder()
	if err != nil {
		return err
	}
	if err := folder.DealDev(func(string, int, int) {}); err != nil {
		return err
	}
	for _, part := range []struct {
		name    string
		measure func(context.Context, network.Folder, *recorder) error
	}{{"engine", engine}, {"squash", squashing}, {"keys", keys}} {
		if only != "" && only != part.name {
			continue
		}
		r := &recorder{cpu: cpu(), commit: commit()}
		if err := part.measure(ctx, folder, r); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		if err := r.write(filepath.Join(out, part.name+".json")); err != nil {
			return err
		}
	}
	return nil
}

// median times n runs of f.
func median(n int, f func() error) (time.Duration, error) {
	times := make([]time.Duration, n)
	for i := range times {
		start := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		times[i] = time.Since(start)
	}
	slices.Sort(times)
	return times[n/2], nil
}

func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// cpu names the processor and the number of cores used.
func cpu() string {
	model := runtime.GOARCH
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	return fmt.Sprintf("%s, %d cores", model, runtime.GOMAXPROCS(0))
}

func commit() string {
	b, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}
