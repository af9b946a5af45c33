package coprocessor

import "fhevm/coprocessor/store"

// Usage is what the ciphertext store takes.
func (c *Coprocessor) Usage() (store.Usage, error) {
	if err := c.enter(); err != nil {
		return store.Usage{}, err
	}
	defer c.exit()
	return c.store.Usage()
}

// Writable returns nil if the store takes writes and they reach the disk.
func (c *Coprocessor) Writable() error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.exit()
	return c.store.Probe()
}

// Changed returns a channel that is closed when the log has grown or changed, or
// wants were settled: look at what you wait for after the call, before you wait.
func (c *Coprocessor) Changed() <-chan struct{} { return c.moved.next() }
