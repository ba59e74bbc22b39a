package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// ingress is where the local cluster publishes; the host decides the rest.
const ingress = "127.0.0.1:8080"

// browser sends every request to the ingress, whatever its host.
var browser = &http.Client{
	Timeout: 60 * time.Second,
	Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, ingress)
		},
	},
}

// fetch sends JSON (or nothing) and returns the answer.
func fetch(ctx context.Context, method, url, token string, in any) (int, []byte, error) {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return 0, nil, err
		}
		body = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := browser.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	return response.StatusCode, raw, err
}

// fetchInto decodes a 200 into out.
func fetchInto(ctx context.Context, method, url, token string, in, out any) error {
	code, raw, err := fetch(ctx, method, url, token, in)
	if err != nil {
		return err
	}
	if code != http.StatusOK {
		return fmt.Errorf("%s %s: %d %.300s", method, url, code, raw)
	}
	return json.Unmarshal(raw, out)
}
