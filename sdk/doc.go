// Package sdk is the wallet core: it encrypts values to the network key, makes
// the permit for a re-encryption, and opens and combines the committee's
// answers. Plaintexts and the wallet's keys never leave it. It has no network
// code (sdk/client has) and builds for js/wasm (sdk/wasm).
package sdk
