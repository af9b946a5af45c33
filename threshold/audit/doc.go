// Package audit keeps a party's record of its decisions: who asked for what,
// on which block it was decided, and how. It holds no plaintext, no share and
// nothing that is sealed.
//
// The log is append-only and chained by hashes, across files. Its head, the
// number and the hash of the last record, is signed by the party at intervals. A
// record is on disk before Append returns, so a party that appends first and
// answers then has disclosed nothing that its log does not say. What a crash
// left unfinished is never removed: the log goes on in a new file, whose first
// record says what to skip.
//
// Whoever kept a head finds out whether the log still contains all up to there.
package audit
