package vec

func mulAddUint32Portable(dst, src []uint32, c uint32) {
	for i := range dst {
		dst[i] += c * src[i]
	}
}

func mulAddRowsUint32Portable(dst, rows, c []uint32) {
	for r, x := range c {
		mulAddUint32Portable(dst, rows[r*len(dst):][:len(dst)], x)
	}
}
