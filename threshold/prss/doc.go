// Package prss makes the flooding masks of partial decryptions without
// interaction: pseudorandom secret sharing (Cramer, Damgård, Ishai, TCC 2005;
// PRSS-Mask, eprint 2025/699, figure 54).
//
// For every set A of n-t parties there is a key r_A that exactly its members
// hold, and f_A is the polynomial of degree t with f_A(0) = 1 and f_A(j) = 0
// outside A. A session expands r_A into an integer, the same for all members,
// and party i's share of the sum of all integers is sum over A of
// integer_A * f_A(i), reduced in both fields. Each integer is the sum of two
// uniform ones, so that the set that the corrupt parties know nothing of
// contributes the triangular mask that the proof needs (lemma 18).
package prss
