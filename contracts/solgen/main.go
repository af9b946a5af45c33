// Command solgen writes the Solidity files that follow from the operator table
// and from the addresses that Go and Solidity share. Run it by go generate in
// the folder above.
package main

import (
	"log"
	"os"
)

func main() {
	for path, text := range files() {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}

// files maps the path of each generated file, from the contracts folder, to
// its text.
func files() map[string]string {
	return map[string]string{
		"config/Protocol.sol":    protocol(),
		"lib/FHE.sol":            library(),
		"lib/IFHEVMExecutor.sol": executorInterface(),
		"system/Operations.sol":  operations(),
		"test/Narrow.sol":        narrow(),
		"test/Overloads.sol":     forwarder(),
		"twin/OperatorTable.sol": operatorTable(),
	}
}
