package vec

func mulAddUint32(dst, src []uint32, c uint32) { mulAddUint32Portable(dst, src, c) }

func mulAddRowsUint32(dst, rows, c []uint32) { mulAddRowsUint32Portable(dst, rows, c) }
