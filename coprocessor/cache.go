package coprocessor

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"fhevm/coprocessor/store"
)

// cache keeps the values that were used last, as many as a number of bytes holds.
type cache[T any] struct {
	limit   int64
	bytesOf func(T) int64

	mu    sync.Mutex
	lru   *simplelru.LRU[store.ID, T]
	bytes int64
}

func newCache[T any](limit int64, bytesOf func(T) int64) *cache[T] {
	c := &cache[T]{limit: limit, bytesOf: bytesOf}
	c.lru, _ = simplelru.NewLRU(math.MaxInt, func(_ store.ID, v T) { c.bytes -= bytesOf(v) }) // fails for no size above 0
	return c
}

func (c *cache[T]) get(id store.ID) (T, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lru.Get(id)
}

// add keeps v, unless it alone is over the limit, and drops what was not used
// for the longest time.
func (c *cache[T]) add(id store.ID, v T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(id)
	c.lru.Add(id, v)
	for c.bytes += c.bytesOf(v); c.bytes > c.limit; {
		c.lru.RemoveOldest()
	}
}

func (c *cache[T]) remove(id store.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(id)
}

// size is the memory of what is kept, in bytes.
func (c *cache[T]) size() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes
}
