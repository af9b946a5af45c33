// Package ceremony runs a member's part in a resharing: it lays out on a Table
// what the member's machines (package reshare) say, fetches what others say, and
// keeps a Journal from which a member that crashed goes on.
//
// Every member fetches; nobody pushes. So a member that is away is merely waited
// for, one that comes back finds everything where it was, and who is missing is
// known by name. Whatever comes in is on disk before anything that follows from
// it can be fetched.
package ceremony
