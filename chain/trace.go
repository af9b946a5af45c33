package chain

import (
	"errors"

	"github.com/ethereum/go-ethereum/eth/tracers"
)

// traceAPI is go-ethereum's debug namespace of traces without its methods that
// read and write files where the caller says.
type traceAPI struct{ *tracers.API }

var errFiles = errors.New("this node reads and writes no files for callers: use debug_traceBlockByHash")

// StandardTraceBlockToFile replaces a method that writes files.
func (*traceAPI) StandardTraceBlockToFile() error { return errFiles }

// StandardTraceBadBlockToFile replaces a method that writes files.
func (*traceAPI) StandardTraceBadBlockToFile() error { return errFiles }

// TraceBlockFromFile replaces a method that reads files.
func (*traceAPI) TraceBlockFromFile() error { return errFiles }
