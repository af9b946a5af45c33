package chain

import (
	"fmt"
	"time"
)

// maxTime bounds the timestamps that a test may ask for: integers that
// JavaScript holds.
const maxTime = 1 << 53

// clock is the chain's time in Unix seconds: the machine's, as far ahead or
// behind as tests have put it.
type clock struct {
	ahead int64  // seconds
	next  uint64 // time that the next block takes, 0: what the clock shows
}

func (c *clock) now() int64 { return time.Now().Unix() + c.ahead }

// set lets time pass on from now.
func (c *clock) set(now int64) { c.ahead = now - time.Now().Unix() }

// after is the time of the block that follows one of time parent.
func (c *clock) after(parent uint64) uint64 {
	if c.next > parent {
		return c.next
	}
	return max(parent+1, uint64(max(0, c.now())))
}

// schedule fixes the time of the block that follows one of time parent.
func (c *clock) schedule(at, parent uint64) error {
	if at <= parent || at > maxTime {
		return fmt.Errorf("time %d is not after the last block's %d, or above %d", at, parent, maxTime)
	}
	c.next = at
	return nil
}

// sealed takes note of a block. Time passes on from the one that was fixed for
// it.
func (c *clock) sealed(at uint64) {
	if c.next != 0 {
		c.set(int64(at))
	}
	c.next = 0
}

// pass lets seconds pass at once, and returns how far ahead the clock is.
func (c *clock) pass(seconds uint64) (ahead int64, err error) {
	if now := c.now(); now > maxTime || seconds > uint64(maxTime-now) {
		return 0, fmt.Errorf("%d more seconds end after %d", seconds, maxTime)
	}
	c.ahead += int64(seconds)
	return c.ahead, nil
}
