package eip712

import "fhevm/fhe"

// Name and Version are the same in every domain of the protocol.
const (
	Name    = "fhevm"
	Version = "1"
)

// Domain binds signatures to the decryption verifier of one chain.
type Domain struct {
	ChainID  uint64      `json:"chainId"`
	Verifier fhe.Address `json:"verifyingContract"`
}

const domainType = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"

// Separator is the domain's hash.
func (d Domain) Separator() fhe.Digest {
	return NewStruct(domainType).String(Name).String(Version).Uint(d.ChainID).Address(d.Verifier).Hash()
}

// Digest is what is signed: Keccak-256(0x1901 | separator | hash of the struct).
func (d Domain) Digest(structHash fhe.Digest) fhe.Digest {
	s := d.Separator()
	return fhe.Keccak([]byte{0x19, 0x01}, s[:], structHash[:])
}

// Field is one member of a type, as typed-data JSON lists them.
type Field struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// TypedData is the JSON argument of eth_signTypedData_v4.
type TypedData struct {
	Types       map[string][]Field `json:"types"`
	PrimaryType string             `json:"primaryType"`
	Domain      struct {
		Name    string `json:"name"`
		Version string `json:"version"`
		Domain
	} `json:"domain"`
	Message any `json:"message"`
}

// TypedData assembles the wallet's view of a struct of type name with the
// given members. message must marshal to an object of those members.
func (d Domain) TypedData(name string, members []Field, message any) *TypedData {
	t := &TypedData{PrimaryType: name, Message: message, Types: map[string][]Field{
		"EIP712Domain": {{"name", "string"}, {"version", "string"}, {"chainId", "uint256"}, {"verifyingContract", "address"}},
		name:           members,
	}}
	t.Domain.Name, t.Domain.Version, t.Domain.Domain = Name, Version, d
	return t
}

// TypeString is the encoding of a type by its members, such as
// "Mail(address to,string text)".
func TypeString(name string, members []Field) string {
	s := name + "("
	for i, m := range members {
		if i > 0 {
			s += ","
		}
		s += m.Type + " " + m.Name
	}
	return s + ")"
}
