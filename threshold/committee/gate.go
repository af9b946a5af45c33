package committee

import (
	"sync"

	"fhevm/threshold"
)

// Gate bounds the requests in progress: of each caller, and of all together. A bound of
// 0 is none. The Spare last ones of all are for callers that have none in progress, so
// that a few who ask all the time do not keep the others out. It is safe for concurrent
// use.
type Gate[K comparable] struct {
	Each, All, Spare int

	mu    sync.Mutex
	by    map[K]int
	total int
}

// Enter admits a request of a caller, who must call leave once when it is
// done. Beyond the bounds it refuses with code Busy.
func (g *Gate[K]) Enter(caller K) (leave func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.Each > 0 && g.by[caller] >= g.Each:
		return nil, threshold.Faultf(threshold.Busy, "more than %d requests of one caller at once: ask again", g.Each)
	case g.All > 0 && (g.total >= g.All || g.by[caller] > 0 && g.total >= g.All-g.Spare):
		return nil, threshold.Faultf(threshold.Busy, "more than %d requests at once: ask again", g.All)
	}
	if g.by == nil {
		g.by = map[K]int{}
	}
	g.by[caller]++
	g.total++
	return func() { g.leave(caller) }, nil
}

func (g *Gate[K]) leave(caller K) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.total--
	if g.by[caller]--; g.by[caller] == 0 {
		delete(g.by, caller)
	}
}
