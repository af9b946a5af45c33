package fft

import "fhevm/accel"

// NewKeys returns n zero keys, such as those of a bootstrap.
func NewKeys(n int) []GGSW { return accel.Pages[GGSW](n) }
