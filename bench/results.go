package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"

	"fhevm/fhe/tfhe"
)

// row is one promised or measured figure.
type row struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Target float64 `json:"target,omitempty"` // 0: none promised
	origin
}

// origin says where and of what a figure was measured.
type origin struct {
	CPU    string `json:"cpu"`
	Commit string `json:"commit"`
	Params string `json:"params"`
}

func here() origin { return origin{cpu(), commit(), tfhe.Default.Name} }

// isMarked reports whether what was measured is no commit.
func (o origin) isMarked() bool {
	return o.Commit == unknownCommit || strings.HasSuffix(o.Commit, "-dirty")
}

// recorder collects the rows of one part.
type recorder struct {
	file *resultFile[row]
	origin
}

// add prints a row and writes it.
func (r *recorder) add(name string, value float64, unit string, target float64) error {
	fmt.Printf("%-52s %12.3f %s\n", name, value, unit)
	return r.file.put(row{name, value, unit, target, r.origin})
}

// resultFile is a file of rows with different names. It is written with each
// row, so that a run can be interrupted and its rest measured later.
type resultFile[R any] struct {
	path string
	name func(R) string
	rows []R
}

// openResults opens the file at path, with its present rows if they are kept.
func openResults[R any](path string, keep bool, name func(R) string) (*resultFile[R], error) {
	f := &resultFile[R]{path: path, name: name}
	if !keep {
		return f, nil
	}
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &f.rows); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return f, nil
}

// put adds r, in place of a row of the same name.
func (f *resultFile[R]) put(r R) error {
	i := slices.IndexFunc(f.rows, func(old R) bool { return f.name(old) == f.name(r) })
	if i < 0 {
		f.rows = append(f.rows, r)
	} else {
		f.rows[i] = r
	}
	b, err := json.MarshalIndent(f.rows, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(f.path, append(b, '\n'), 0o644)
}

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

const unknownCommit = "unknown"

// commit is what was checked out when the command began, marked where more than
// results differs from it.
var commit = sync.OnceValue(func() string {
	name, err := exec.Command("git", "describe", "--always").Output()
	if err != nil {
		return unknownCommit
	}
	changes, err := exec.Command("git", "status", "--porcelain", "--", ":/", ":!/bench/results").Output()
	if err != nil {
		return unknownCommit
	}
	if len(changes) > 0 {
		return strings.TrimSpace(string(name)) + "-dirty"
	}
	return strings.TrimSpace(string(name))
})
