package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// asText is a string as it stands, and everything else as JSON.
func asText(t *testing.T, value any) string {
	t.Helper()
	if text, ok := value.(string); ok {
		return text
	}
	content, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// What people get wrong is refused, with the place and the reason.
func TestSchemaRefuses(t *testing.T) {
	for _, test := range []struct{ values, place, reason string }{
		{`replica: 2`, `at ''`, `additional properties 'replica' not allowed`},
		{`replicas: two`, `at '/replicas'`, `got string, want integer`},
		{`replicas: -1`, `at '/replicas'`, `minimum: got -1, want 0`},
		{`image: registry.example/ilp/operator:v1`, `at '/image'`, `got string, want object`},
		{`image: {tag: latest}`, `at '/image/tag'`, `'not' failed`},
		{`image: {tag: 1.10}`, `at '/image/tag'`, `got number, want string`},
		{`image: {repository: ""}`, `at '/image/repository'`, `does not match pattern`},
		{`image: {repository: "registry.example/ilp/operator@sha256"}`, `at '/image/repository'`, `does not match pattern`},
		{`image: {digest: 0a0b}`, `at '/image/digest'`, `does not match pattern '^(sha256:[0-9a-f]{64})?$'`},
		{`image: {pullPolicy: ifNotPresent}`, `at '/image/pullPolicy'`, `value must be one of 'Always', 'IfNotPresent', 'Never'`},
		{`imagePullSecrets: [registry]`, `at '/imagePullSecrets/0'`, `got string, want object`},
		{`resources: {limits: {memory: 512MB}}`, `at '/resources/limits/memory'`, `does not match pattern`},
		{`resources: {limit: {memory: 512Mi}}`, `at '/resources'`, `additional properties 'limit' not allowed`},
		{`goMemoryLimit: 400Mi`, `at '/goMemoryLimit'`, `does not match pattern '^[1-9][0-9]*(MiB|GiB)$'`},
		{`nodeSelector: {gpu: true}`, `at '/nodeSelector/gpu'`, `got boolean, want string`},
		{`tolerations: [{operator: Exist}]`, `at '/tolerations/0/operator'`, `value must be one of 'Equal', 'Exists'`},
		{`affinity: {nodeaffinity: {}}`, `at '/affinity'`, `additional properties 'nodeaffinity' not allowed`},
		{`logLevel: verbose`, `at '/logLevel'`, `value must be one of 'debug', 'info', 'error'`},
		{`workers: {district: 0}`, `at '/workers/district'`, `minimum: got 0, want 1`},
		{`crds: {enabled: true}`, `at ''`, `additional properties 'crds' not allowed`},
		{`networkPolicy: {apiServerPorts: []}`, `at '/networkPolicy/apiServerPorts'`, `minItems: got 0, want 1`},
		{`networkPolicy: {apiServerPorts: [{protocol: TCP, port: 70000}]}`, `at '/networkPolicy/apiServerPorts/0/port'`, `maximum: got 70,000, want 65,535`},
		{`flowSchema: {nominalConcurrencyShares: 0}`, `at '/flowSchema/nominalConcurrencyShares'`, `minimum: got 0, want 1`},
		{`serviceMonitor: true`, `at '/serviceMonitor'`, `got boolean, want object`},
		{`serviceMonitor: {interval: 30}`, `at '/serviceMonitor/interval'`, `got number, want string`},
		{`prometheusRule: {enabled: true, labels: {}}`, `at '/prometheusRule'`, `additional properties 'labels' not allowed`},
	} {
		t.Run(test.values, func(t *testing.T) {
			_, err := helmFiles("operator", "ilp-system", test.values)
			if err == nil {
				t.Fatal("it is not refused")
			}
			for _, part := range []string{test.place, test.reason} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the message does not say %q: %v", part, err)
				}
			}
		})
	}
}
