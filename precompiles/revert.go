package precompiles

import (
	"encoding/binary"

	"github.com/ethereum/go-ethereum/core/vm"
)

// revert reports a mistake of the caller as Solidity's Error(string), which
// contracts bubble up and every tool shows. Any error but ErrExecutionReverted
// would burn all gas and lose the text.
func revert(subject string, err error) ([]byte, error) {
	text := subject + ": " + err.Error()
	padded := (len(text) + 31) / 32 * 32
	b := make([]byte, 4+32+32+padded)
	copy(b, []byte{0x08, 0xc3, 0x79, 0xa0}) // selector of Error(string)
	b[4+31] = 32                            // offset of the string
	binary.BigEndian.PutUint64(b[4+32+24:], uint64(len(text)))
	copy(b[4+64:], text)
	return b, vm.ErrExecutionReverted
}
