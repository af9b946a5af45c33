// Package tfhe is the scheme: keys, encryption and the programmable bootstrap
// KeySwitch → ModSwitch → BlindRotate → SampleExtract over binary secrets.
package tfhe

//go:generate go run ./internal/optimise
