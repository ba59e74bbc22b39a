package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadingOfMetrics(t *testing.T) {
	r := reading{requests: requests{}}
	err := r.parse(strings.NewReader(`# TYPE apiserver_request_total counter
apiserver_request_total{code="201",component="apiserver",dry_run="",group="",resource="secrets",scope="resource",subresource="",verb="POST",version="v1"} 3
apiserver_request_total{code="409",component="apiserver",dry_run="",group="",resource="secrets",scope="resource",subresource="",verb="POST",version="v1"} 1
apiserver_request_total{code="200",component="apiserver",dry_run="",group="ilp.health",resource="districts",scope="resource",subresource="status",verb="PATCH",version="v1alpha1"} 2
apiserver_request_total{code="200",component="apiserver",dry_run="",group="coordination.k8s.io",resource="leases",scope="resource",subresource="",verb="PUT",version="v1"} 9
apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="",scope="",subresource="/readyz",verb="GET",version=""} 5
go_memstats_alloc_bytes_total 1.5e+06
`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(requests{"post secrets": 4, "patch districts/status": 2}, r.requests); diff != "" {
		t.Error(diff)
	}
	if r.allocated != 1.5e6 {
		t.Errorf("allocated %v", r.allocated)
	}
}

func TestRequestsWithoutTheBenchs(t *testing.T) {
	before := reading{requests: requests{"apply districts": 1, "get secrets": 4}, own: requests{"apply districts": 1}}
	after := reading{requests: requests{"apply districts": 9, "get secrets": 4, "post events": 2}, own: requests{"apply districts": 6}}
	if diff := cmp.Diff(requests{"apply districts": 3, "post events": 2}, after.since(before).Requests); diff != "" {
		t.Error(diff)
	}
}
