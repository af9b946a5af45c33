package fft

// NewKeys returns n zero keys, such as those of a bootstrap. It asks the
// system for huge pages: on ordinary ones a walk through 60 MB, one
// accumulator at a time, spends a sixth of its time on translating addresses.
func NewKeys(n int) []GGSW {
	keys := make([]GGSW, n)
	adviseHugePages(keys)
	return keys
}
