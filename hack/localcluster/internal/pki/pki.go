// Package pki issues the certificates and keys of one local cluster. Nothing
// leaves the cluster's folder and all of it goes with the cluster.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// validity is longer than any local cluster lives.
const validity = 365 * 24 * time.Hour

// CA is a certificate authority kept in a folder as NAME.crt and NAME.key.
type CA struct {
	dir  string
	name string
	cert *x509.Certificate
	key  crypto.Signer
}

// Pair is where a certificate and its key are.
type Pair struct{ Cert, Key string }

// Subject is what a leaf certificate speaks for. Hosts make it a server
// certificate as well.
type Subject struct {
	CommonName   string
	Organization []string
	Hosts        []string
}

// LoadOrCreateCA opens the authority, creating it first if it is not there.
func LoadOrCreateCA(dir, name string) (*CA, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	ca := &CA{dir: dir, name: name}
	pair := ca.pair(name)
	cert, key, err := load(pair)
	if err == nil {
		ca.cert, ca.key = cert, key
		return ca, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read authority %s: %w", pair.Cert, err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template, err := template(Subject{CommonName: "ilp-local-" + name})
	if err != nil {
		return nil, err
	}
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	template.ExtKeyUsage = nil
	der, err := x509.CreateCertificate(rand.Reader, template, template, ecKey.Public(), ecKey)
	if err != nil {
		return nil, err
	}
	if ca.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	ca.key = ecKey
	return ca, write(pair, der, ecKey)
}

// CertPath is the authority's certificate.
func (c *CA) CertPath() string { return c.pair(c.name).Cert }

// KeyPath is the authority's key.
func (c *CA) KeyPath() string { return c.pair(c.name).Key }

// Issue returns the pair called name, issuing it unless it is already there.
func (c *CA) Issue(name string, s Subject) (Pair, error) {
	pair := c.pair(name)
	if _, _, err := load(pair); err == nil {
		return pair, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, err
	}
	template, err := template(s)
	if err != nil {
		return Pair{}, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, c.cert, key.Public(), c.key)
	if err != nil {
		return Pair{}, fmt.Errorf("issue %s: %w", name, err)
	}
	return pair, write(pair, der, key)
}

// SigningKey returns an RSA key pair for service account tokens (private key
// in Key, public key in Cert), creating it unless it is there.
func SigningKey(dir, name string) (Pair, error) {
	pair := Pair{Cert: filepath.Join(dir, name+".pub"), Key: filepath.Join(dir, name+".key")}
	if _, err := os.Stat(pair.Cert); err == nil {
		return pair, nil
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return Pair{}, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return Pair{}, err
	}
	if err := writePEM(pair.Key, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key), 0o600); err != nil {
		return Pair{}, err
	}
	return pair, writePEM(pair.Cert, "PUBLIC KEY", public, 0o644)
}

func (c *CA) pair(name string) Pair {
	return Pair{Cert: filepath.Join(c.dir, name+".crt"), Key: filepath.Join(c.dir, name+".key")}
}

func template(s Subject) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: s.CommonName, Organization: s.Organization},
		NotBefore:    time.Now().Add(-5 * time.Minute),
		NotAfter:     time.Now().Add(validity),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, host := range s.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, host)
		}
	}
	if len(s.Hosts) > 0 {
		t.ExtKeyUsage = append(t.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	return t, nil
}

func load(p Pair) (*x509.Certificate, crypto.Signer, error) {
	certDER, err := readPEM(p.Cert)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := readPEM(p.Key)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(certDER)
	if err != nil {
		return nil, nil, err
	}
	key, err := x509.ParseECPrivateKey(keyDER)
	return cert, key, err
}

// write puts the key first: load takes a pair without a key as absent.
func write(p Pair, der []byte, key *ecdsa.PrivateKey) error {
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	if err := writePEM(p.Key, "EC PRIVATE KEY", keyDER, 0o600); err != nil {
		return err
	}
	return writePEM(p.Cert, "CERTIFICATE", der, 0o644)
}

func readPEM(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM block", path)
	}
	return block.Bytes, nil
}

func writePEM(path, kind string, der []byte, mode fs.FileMode) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
