package gateway

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// problem says why a request has no answer: its status and the sentence shown.
type problem struct {
	status int
	text   string
}

func (p *problem) Error() string { return p.text }

// rule is one path of one Ingress, ready to be compared with requests.
type rule struct {
	host    string
	path    string
	exact   bool
	ingress string // namespace/name, for messages
	ns      string
	backend networkingv1.IngressBackend
}

// rules flattens the Ingresses of our class, the most specific rule first:
// named hosts before wildcards before none, longer paths before shorter ones,
// exact paths before prefixes.
func rules(ingresses []*networkingv1.Ingress) []rule {
	var out []rule
	for _, ingress := range ingresses {
		if class := ingress.Spec.IngressClassName; class == nil || *class != ClassName {
			continue
		}
		name := ingress.Namespace + "/" + ingress.Name
		if backend := ingress.Spec.DefaultBackend; backend != nil {
			out = append(out, rule{path: "/", ingress: name, ns: ingress.Namespace, backend: *backend})
		}
		for _, r := range ingress.Spec.Rules {
			if r.HTTP == nil {
				continue
			}
			for _, p := range r.HTTP.Paths {
				out = append(out, rule{
					host: strings.ToLower(r.Host), path: cmp.Or(p.Path, "/"),
					exact:   p.PathType != nil && *p.PathType == networkingv1.PathTypeExact,
					ingress: name, ns: ingress.Namespace, backend: p.Backend,
				})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b rule) int {
		return cmp.Or(
			cmp.Compare(hostRank(a.host), hostRank(b.host)),
			cmp.Compare(len(b.path), len(a.path)),
			boolRank(a.exact, b.exact),
			cmp.Compare(a.ingress, b.ingress),
		)
	})
	return out
}

func hostRank(host string) int {
	switch {
	case host == "":
		return 2
	case strings.HasPrefix(host, "*."):
		return 1
	}
	return 0
}

func boolRank(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// match finds the rule for a request, or says what is missing.
func match(all []rule, hostport, path string) (rule, error) {
	host := strings.ToLower(hostport)
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = strings.ToLower(h)
	}
	hostKnown := false
	for _, r := range all {
		if !hostMatches(r.host, host) {
			continue
		}
		hostKnown = true
		if pathMatches(r, path) {
			return r, nil
		}
	}
	if hostKnown {
		return rule{}, &problem{http.StatusNotFound, fmt.Sprintf("Ingresses for the host %s exist, but none has a path for %s.", host, path)}
	}
	return rule{}, &problem{http.StatusNotFound, fmt.Sprintf("No Ingress of class %q has the host %s. Known hosts: %s.", ClassName, host, knownHosts(all))}
}

func hostMatches(pattern, host string) bool {
	if suffix, wildcard := strings.CutPrefix(pattern, "*"); wildcard {
		label, rest, ok := strings.Cut(host, ".")
		return ok && label != "" && "."+rest == suffix
	}
	return pattern == "" || pattern == host
}

// pathMatches compares whole path elements: /rme matches /rme/x, not /rmex.
func pathMatches(r rule, path string) bool {
	if r.exact {
		return path == r.path
	}
	prefix := strings.TrimSuffix(r.path, "/")
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

func knownHosts(all []rule) string {
	var hosts []string
	for _, r := range all {
		if r.host != "" && !slices.Contains(hosts, r.host) {
			hosts = append(hosts, r.host)
		}
	}
	if len(hosts) == 0 {
		return "none"
	}
	slices.Sort(hosts)
	return strings.Join(hosts, ", ")
}

// endpoints lists the addresses of the backend's ready pods. It goes through
// the Service's EndpointSlices, not its address, so headless Services work.
func endpoints(r rule, service *corev1.Service, slicesOfService []*discoveryv1.EndpointSlice) ([]string, error) {
	backend := r.backend.Service
	if backend == nil {
		return nil, &problem{http.StatusServiceUnavailable, fmt.Sprintf("Ingress %s leads to a resource backend; only Services are supported here.", r.ingress)}
	}
	if service == nil {
		return nil, &problem{http.StatusServiceUnavailable, fmt.Sprintf("Ingress %s leads to Service %s/%s, which does not exist.", r.ingress, r.ns, backend.Name)}
	}
	index := slices.IndexFunc(service.Spec.Ports, func(p corev1.ServicePort) bool {
		return p.Name == backend.Port.Name && backend.Port.Name != "" || p.Port == backend.Port.Number && backend.Port.Name == ""
	})
	if index < 0 {
		return nil, &problem{http.StatusServiceUnavailable, fmt.Sprintf("Ingress %s leads to port %s of Service %s/%s, which has no such port.", r.ingress, portString(backend.Port), r.ns, backend.Name)}
	}
	portName := service.Spec.Ports[index].Name
	var addresses []string
	unready := 0
	for _, slice := range slicesOfService {
		for _, port := range slice.Ports {
			if port.Port == nil || port.Name != nil && *port.Name != portName || port.Name == nil && portName != "" {
				continue
			}
			for _, endpoint := range slice.Endpoints {
				if endpoint.Conditions.Ready != nil && !*endpoint.Conditions.Ready {
					unready++
					continue
				}
				for _, address := range endpoint.Addresses {
					addresses = append(addresses, net.JoinHostPort(address, strconv.Itoa(int(*port.Port))))
				}
			}
		}
	}
	if len(addresses) == 0 {
		return nil, &problem{http.StatusServiceUnavailable, fmt.Sprintf("Service %s/%s has no ready pod (%d not ready). See: kubectl -n %s get pods", r.ns, backend.Name, unready, r.ns)}
	}
	return addresses, nil
}

func portString(port networkingv1.ServiceBackendPort) string {
	return cmp.Or(port.Name, strconv.Itoa(int(port.Number)))
}
