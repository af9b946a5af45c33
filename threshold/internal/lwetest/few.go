package lwetest

import "fhevm/fhe/tfhe"

// Few is a parameter set with few secrets and errors, for key generations that end
// within seconds. Its keys protect nothing.
var Few = tfhe.Params{
	Name: "few secrets", LWEDim: 12, LWENoise: 2, GLWEDim: 1, PolySize: 2048, GLWENoise: 17, BootstrapBaseLog: 23, BootstrapLevel: 1,
	KeySwitchBaseLog: 4, KeySwitchLevel: 4, PackSize: 256, PackBaseLog: 2, PackLevel: 6, PackBits: 11, KeyShares: 1,
}
