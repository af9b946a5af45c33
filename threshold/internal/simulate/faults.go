package simulate

import "math/rand/v2"

// Faults is what the network does to honest parties. The zero value delivers
// everything once, in the order of sending.
type Faults struct {
	Delay     uint64  // a message takes a random time up to this
	Lose      float64 // probability that a delivery fails and is tried again later
	Duplicate float64 // probability that a message is delivered twice
	Rush      bool    // the adversary's messages take no time
	Crash     Crashes // nil: none
}

// Point is where in the handling of an event a party crashes.
type Point int

// The points: before anything was done; with the journal on disk and some
// messages sent; after everything.
const (
	Nowhere Point = iota
	BeforeSave
	WhileSending
	AfterSending
	points
)

// Crashes decides, for each event of an honest party, whether it crashes. step
// counts the events of the run from 0. It must end: a party that crashes for ever
// is a corrupt one.
type Crashes func(step int) Point

// CrashAt crashes whoever handles the event number at, at a point.
func CrashAt(at int, where Point) Crashes {
	return func(step int) Point {
		if step == at {
			return where
		}
		return Nowhere
	}
}

// CrashSometimes crashes at random, up to so many times in a run.
func CrashSometimes(rng *rand.Rand, probability float64, times int) Crashes {
	return func(int) Point {
		if times == 0 || rng.Float64() >= probability {
			return Nowhere
		}
		times--
		return BeforeSave + Point(rng.IntN(int(points-BeforeSave)))
	}
}

// maxLosses is how often a message is lost at most: links between honest parties
// fail, but not for ever.
const maxLosses = 3

// RandomFaults draws the faults of one run, some of them absent.
func RandomFaults(rng *rand.Rand) Faults {
	f := Faults{Rush: rng.IntN(2) == 0}
	if rng.IntN(8) > 0 {
		f.Delay = 1 << rng.IntN(12)
	}
	if rng.IntN(2) == 0 {
		f.Lose = rng.Float64() / 2
	}
	if rng.IntN(2) == 0 {
		f.Duplicate = rng.Float64() / 2
	}
	if rng.IntN(2) == 0 {
		f.Crash = CrashSometimes(rng, 0.1, 1+rng.IntN(4))
	}
	return f
}
