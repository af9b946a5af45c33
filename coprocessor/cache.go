package coprocessor

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"fhevm/coprocessor/store"
	"fhevm/fhe/radix"
)

// cache keeps the ciphertexts that were used last, as many as a number of bytes
// holds.
type cache struct {
	limit int64

	mu    sync.Mutex
	lru   *simplelru.LRU[store.ID, *radix.Ciphertext]
	bytes int64
}

func newCache(limit int64) *cache {
	c := &cache{limit: limit}
	c.lru, _ = simplelru.NewLRU(math.MaxInt, func(_ store.ID, ct *radix.Ciphertext) { c.bytes -= sizeOf(ct) }) // fails for no size above 0
	return c
}

func sizeOf(ct *radix.Ciphertext) int64 { return blockSize * int64(len(ct.Blocks)) }

func (c *cache) get(id store.ID) (*radix.Ciphertext, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lru.Get(id)
}

// add keeps ct, unless it alone is over the limit, and drops what was not used
// for the longest time.
func (c *cache) add(id store.ID, ct *radix.Ciphertext) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(id)
	c.lru.Add(id, ct)
	for c.bytes += sizeOf(ct); c.bytes > c.limit; {
		c.lru.RemoveOldest()
	}
}

func (c *cache) remove(id store.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(id)
}

// size is the memory of what is kept, in bytes.
func (c *cache) size() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes
}
