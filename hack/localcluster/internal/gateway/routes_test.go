package gateway

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func ingress(name, class, host, path string, kind networkingv1.PathType) *networkingv1.Ingress {
	return &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ilp-6105", Name: name},
		Spec: networkingv1.IngressSpec{
			IngressClassName: &class,
			Rules: []networkingv1.IngressRule{{Host: host, IngressRuleValue: networkingv1.IngressRuleValue{
				HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{
					Path: path, PathType: &kind, Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
						Name: name, Port: networkingv1.ServiceBackendPort{Name: "http"},
					}},
				}}},
			}}},
		},
	}
}

func TestMatch(t *testing.T) {
	all := rules([]*networkingv1.Ingress{
		ingress("root", "local", "rme.tebidah.sintang.localhost", "/", networkingv1.PathTypePrefix),
		ingress("api", "local", "rme.tebidah.sintang.localhost", "/api", networkingv1.PathTypePrefix),
		ingress("exact", "local", "rme.tebidah.sintang.localhost", "/api", networkingv1.PathTypeExact),
		ingress("wildcard", "local", "*.sintang.localhost", "/", networkingv1.PathTypePrefix),
		ingress("only", "local", "only.localhost", "/only", networkingv1.PathTypeExact),
		ingress("foreign", "nginx", "foreign.localhost", "/", networkingv1.PathTypePrefix),
	})
	for _, c := range []struct{ host, path, want string }{
		{"rme.tebidah.sintang.localhost:8080", "/", "root"},
		{"RME.tebidah.sintang.localhost", "/apis", "root"},
		{"rme.tebidah.sintang.localhost", "/api", "exact"},
		{"rme.tebidah.sintang.localhost", "/api/x", "api"},
		{"pws.sintang.localhost", "/x", "wildcard"},
		{"a.b.sintang.localhost", "/", "No Ingress of class"},
		{"foreign.localhost", "/", "Known hosts: *.sintang.localhost, only.localhost"},
		{"only.localhost", "/", "none has a path for /"},
	} {
		found, err := match(all, c.host, c.path)
		got := strings.TrimPrefix(found.ingress, "ilp-6105/")
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s%s: got %q, want %q", c.host, c.path, got, c.want)
		}
	}
}

func TestEndpoints(t *testing.T) {
	yes, no, name, port, other := true, false, "http", int32(8000), "metrics"
	service := &corev1.Service{Spec: corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone, Ports: []corev1.ServicePort{{Name: "http", Port: 80}}}}
	slice := &discoveryv1.EndpointSlice{
		Ports: []discoveryv1.EndpointPort{{Name: &name, Port: &port}, {Name: &other, Port: &port}},
		Endpoints: []discoveryv1.Endpoint{
			{Addresses: []string{"10.244.0.5"}, Conditions: discoveryv1.EndpointConditions{Ready: &yes}},
			{Addresses: []string{"10.244.0.6"}, Conditions: discoveryv1.EndpointConditions{Ready: &no}},
		},
	}
	r := rules([]*networkingv1.Ingress{ingress("rme", "local", "h", "/", networkingv1.PathTypePrefix)})[0]

	got, err := endpoints(r, service, []*discoveryv1.EndpointSlice{slice})
	if err != nil || !slices.Equal(got, []string{"10.244.0.5:8000"}) {
		t.Errorf("got %q, %v", got, err)
	}
	r.backend.Service.Port = networkingv1.ServiceBackendPort{Number: 80}
	if got, err = endpoints(r, service, []*discoveryv1.EndpointSlice{slice}); err != nil || len(got) != 1 {
		t.Errorf("by number: got %q, %v", got, err)
	}

	slice.Endpoints = slice.Endpoints[1:]
	notThere := r
	notThere.backend.Service = &networkingv1.IngressServiceBackend{Name: "rme", Port: networkingv1.ServiceBackendPort{Number: 81}}
	for _, c := range []struct {
		want    string
		rule    rule
		service *corev1.Service
	}{
		{"no ready pod (1 not ready)", r, service},
		{"does not exist", r, nil},
		{"no such port", notThere, service},
	} {
		_, err := endpoints(c.rule, c.service, []*discoveryv1.EndpointSlice{slice})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}
