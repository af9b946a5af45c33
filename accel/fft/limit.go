package fft

import "time"

// PortLimit returns what bounds CMux on a core that runs floating-point
// operations on two ports, as Intel's do: the vector operations that occupy
// them in one CMux of the implementation in use, counted from the graph, and
// how many of those the core runs per second, as it does a millisecond long
// when nothing else holds it up. CMux takes at least ops/perSecond seconds.
// Both are 0 for an implementation without such a count.
func PortLimit() (ops int, perSecond float64) {
	ops, peak := portOps()
	if ops == 0 {
		return 0, 0
	}
	const rounds, perRound = 1000, 12
	best := time.Hour
	for range 500 {
		start := time.Now()
		peak(rounds)
		best = min(best, time.Since(start))
	}
	return ops, rounds * perRound / best.Seconds()
}
