//go:build !amd64 || purego

package vec

func mulAddRows(dst, rows, c []uint32) { mulAddRowsPortable(dst, rows, c) }
