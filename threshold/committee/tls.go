package committee

import (
	"crypto/tls"
	"errors"
	"fmt"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/identity"
)

// Certificates are pinned: the committee file lists the fingerprint of every
// party and relay, and nothing else about a certificate matters. Resumption is
// off, so that every connection proves possession of the key.

func baseTLS(id *identity.Identity) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{id.TLS},
		SessionTicketsDisabled: true,
	}
}

// ServerTLS admits the committee's parties and relays.
func ServerTLS(id *identity.Identity, c *threshold.Committee) *tls.Config {
	return serverTLS(id, single{committee: c}.Admits)
}

// serverTLS admits the holders of certificates that admits accepts.
func serverTLS(id *identity.Identity, admits func(fhe.Digest) bool) *tls.Config {
	config := baseTLS(id)
	config.ClientAuth = tls.RequireAnyClientCert
	config.VerifyConnection = func(s tls.ConnectionState) error {
		f, err := fingerprint(s)
		if err != nil {
			return err
		}
		if !admits(f) {
			return fmt.Errorf("certificate %s is not in the committee file", f)
		}
		return nil
	}
	return config
}

// ClientTLS accepts one member's certificate and no other.
func ClientTLS(id *identity.Identity, m threshold.Member) *tls.Config {
	config := baseTLS(id)
	config.InsecureSkipVerify = true // VerifyConnection does it, by the pin
	config.VerifyConnection = func(s tls.ConnectionState) error {
		f, err := fingerprint(s)
		if err != nil {
			return err
		}
		if f != m.TLS {
			return fmt.Errorf("certificate %s is not that of party %d in the committee file", f, m.Party)
		}
		return nil
	}
	return config
}

func fingerprint(s tls.ConnectionState) (fhe.Digest, error) {
	if len(s.PeerCertificates) == 0 {
		return fhe.Digest{}, errors.New("peer sent no certificate")
	}
	return identity.Fingerprint(s.PeerCertificates[0].Raw), nil
}
