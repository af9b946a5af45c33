// Package seeds has tests try one seed after the other for as long as they are told to
// (make soak).
package seeds

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

var (
	soak  = flag.Duration("soak", 0, "how long to try seeds")
	first = flag.Uint64("seed", 0, "the first of them; 0 draws it")
)

// Trial is what is tried with a seed. The seed decides all that it does but the order of
// what happens at the same time.
type Trial struct {
	Name string
	Run  func(t *testing.T, seed uint64)
}

// Soak gives each trial the same part of the time, and one seed at least. A trial ends at
// the first seed that fails, and says how to try that again.
func Soak(t *testing.T, trials ...Trial) {
	from := *first
	if from == 0 {
		from = uint64(rand.Uint32())
	}
	for _, x := range trials {
		t.Run(x.Name, func(t *testing.T) {
			stop := time.Now().Add(*soak / time.Duration(len(trials)))
			seed := from
			for ; seed == from || time.Now().Before(stop); seed++ {
				if !t.Run(fmt.Sprint(seed), func(t *testing.T) { x.Run(t, seed) }) {
					t.Fatalf("again: go test -count=1 -tags soak -run '%s' -seed %d", t.Name(), seed)
				}
			}
			t.Logf("%d seeds from %d", seed-from, from)
		})
	}
}
