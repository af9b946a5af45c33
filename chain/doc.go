// Package chain is go-ethereum as a library: a genesis with the system
// contracts, a development node that seals a block per transaction, the feed of
// ordered instructions for the coprocessor, and the committee's view of the
// finalised chain.
//
// go-ethereum itself is unmodified. Blocks are driven by its exported
// functions (build, insert, set canonical, set finalised), and its JSON-RPC
// methods are served as they are, but for the few that this package replaces.
package chain
