// Command optimise searches parameter sets of the scheme by their failure
// probability and cost, and writes docs/parameters.md. It runs in the folder
// fhe/tfhe.
package main

import (
	"log"
	"os"
)

const pagePath = "../../docs/parameters.md"

func main() {
	log.SetFlags(0)
	if err := os.WriteFile(pagePath, page(candidates()), 0o644); err != nil {
		log.Fatal(err)
	}
}
