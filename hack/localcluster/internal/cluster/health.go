package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"

	"ilp.health/operator/hack/localcluster/internal/pki"
)

// httpHealthy asks a health endpoint over plain HTTP on the loopback.
func httpHealthy(url string) func(context.Context) error {
	return func(ctx context.Context) error { return get(ctx, &http.Transport{}, url) }
}

// httpsHealthy asks a health endpoint that serves a self-signed certificate
// on the loopback. Nothing secret is sent and only liveness is learned.
func httpsHealthy(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		return get(ctx, &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, url) //nolint:gosec // see above
	}
}

// apiHealthy asks the API server as the administrator.
func (c *Cluster) apiHealthy(ctx context.Context) error {
	ca, err := os.ReadFile(c.path("pki", "ca.crt"))
	if err != nil {
		return err
	}
	admin := pki.Pair{Cert: c.path("pki", "admin.crt"), Key: c.path("pki", "admin.key")}
	cert, err := tls.LoadX509KeyPair(admin.Cert, admin.Key)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return get(ctx, &http.Transport{TLSClientConfig: &tls.Config{
		RootCAs: roots, Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12,
	}}, c.apiURL()+"/readyz")
}

func get(ctx context.Context, transport *http.Transport, url string) error {
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return nil
}
