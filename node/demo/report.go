package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"fhevm/sdk"

	"github.com/ethereum/go-ethereum/core/types"
)

// readyTimeout bounds the wait for one step's ciphertexts.
const readyTimeout = 5 * time.Minute

// Step is what one step of the demo did.
type Step struct {
	Name       string  `json:"step"`
	Ms         float64 `json:"ms"`
	Bootstraps uint64  `json:"bootstraps"`
	Gas        uint64  `json:"gas"`
	Value      string  `json:"value"` // what came out, or the error
	Want       string  `json:"want"`  // what must come out; "" where nothing is checked
	OK         bool    `json:"ok"`
}

func (s *Step) gas(receipt *types.Receipt, err error) error {
	if receipt != nil {
		s.Gas += receipt.GasUsed
	}
	return err
}

func (s *Step) check(value, want string) { s.Value, s.Want, s.OK = value, want, value == want }

// Report prints steps as they finish: a line for people on Text, and a JSON
// object on JSON if that is set.
type Report struct {
	Text       io.Writer
	JSON       io.Writer
	Bootstraps func() uint64 // the coprocessor's counter
	failed     bool
}

// OK reports whether every step so far gave what it must.
func (r *Report) OK() bool { return !r.failed }

// Step runs one step, measures it and prints it.
func (r *Report) Step(name, what string, run func(*Step) error) error {
	s := &Step{Name: name, OK: true}
	start, before := time.Now(), r.bootstraps()
	err := run(s)
	s.Ms = float64(time.Since(start).Microseconds()) / 1000
	s.Bootstraps = r.bootstraps() - before
	if err != nil {
		s.OK = false
		s.Value = err.Error()
	}
	r.print(s, what)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (r *Report) bootstraps() uint64 {
	if r.Bootstraps == nil {
		return 0
	}
	return r.Bootstraps()
}

// Done prints the last line.
func (r *Report) Done(total time.Duration) {
	r.encode(struct {
		Step string `json:"step"`
		OK   bool   `json:"ok"`
	}{"done", r.OK()})
	verdict := "every value is right"
	if !r.OK() {
		verdict = "SOMETHING IS WRONG: see the steps marked ✗"
	}
	fmt.Fprintf(r.Text, "\n%s, %.1f s in all\n", verdict, total.Seconds())
}

func (r *Report) print(s *Step, what string) {
	r.encode(s)
	mark := "✓"
	if !s.OK {
		mark, r.failed = "✗", true
	}
	line := fmt.Sprintf("%s %-52s %7.2f s", mark, what, s.Ms/1000)
	if s.Bootstraps > 0 {
		line += fmt.Sprintf("  %5d bootstraps", s.Bootstraps)
	}
	if s.Gas > 0 {
		line += fmt.Sprintf("  %9d gas", s.Gas)
	}
	switch {
	case s.Value != "" && s.OK:
		line += "  = " + s.Value
	case s.Value != "" && s.Want != "":
		line += fmt.Sprintf("  = %s, want %s", s.Value, s.Want)
	case s.Value != "":
		line += "  " + s.Value
	}
	fmt.Fprintln(r.Text, line)
}

func (r *Report) encode(v any) {
	if r.JSON != nil {
		json.NewEncoder(r.JSON).Encode(v)
	}
}

// refusal is the code with which the committee refused, or what came instead.
func refusal(err error) string {
	var p *sdk.Problem
	switch {
	case err == nil:
		return "granted"
	case errors.As(err, &p):
		return string(p.Code)
	}
	return err.Error()
}
