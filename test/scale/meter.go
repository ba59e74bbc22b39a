package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/rest"
)

// reading is what the API server, etcd and the bench have consumed until a time.
type reading struct {
	api, etcd, bench time.Duration
	// allocated are bytes that the API server has allocated since its start: the
	// measure of its work that a busy machine does not change.
	allocated float64
	requests  requests
	// own are the bench's among them.
	own requests
}

// serverOwn are what the API server asks itself for, whoever works.
var serverOwn = []string{"leases", "apiservices", "ipaddresses", "servicecidrs", "flowschemas", "prioritylevelconfigurations", "endpoints", "endpointslices"}

// read reads the meter.
func (c *cluster) read(ctx context.Context) (reading, error) {
	out := reading{requests: requests{}, own: c.tally.soFar()}
	self, err := usageOf(os.Getpid())
	if err != nil {
		return out, err
	}
	out.api, out.etcd, out.bench = cpuOf(children("kube-apiserver")), cpuOf(children("etcd")), self.CPU
	httpClient, err := rest.HTTPClientFor(c.Config)
	if err != nil {
		return out, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.Config.Host, "/")+"/metrics", nil)
	if err != nil {
		return out, err
	}
	response, err := httpClient.Do(request)
	if err != nil {
		return out, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return out, fmt.Errorf("metrics of the API server: %s", response.Status)
	}
	err = out.parse(response.Body)
	return out, err
}

// parse takes two metrics out of the text format: the rest is long.
func (r *reading) parse(metrics io.Reader) error {
	lines := bufio.NewScanner(metrics)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if value, found := strings.CutPrefix(line, "go_memstats_alloc_bytes_total "); found {
			var err error
			if r.allocated, err = strconv.ParseFloat(value, 64); err != nil {
				return err
			}
		}
		labels, found := strings.CutPrefix(line, "apiserver_request_total{")
		if !found {
			continue
		}
		labels, value, _ := strings.Cut(labels, "} ")
		count, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return err
		}
		if resource := labelOf(labels, "resource"); resource != "" && !slices.Contains(serverOwn, resource) {
			r.requests[requestName(strings.ToLower(labelOf(labels, "verb")), resource, labelOf(labels, "subresource"))] += int(count)
		}
	}
	return lines.Err()
}

// labelOf reads a label whose values need no escaping.
func labelOf(labels, name string) string {
	for label := range strings.SplitSeq(labels, ",") {
		if value, found := strings.CutPrefix(label, name+`="`); found {
			return strings.TrimSuffix(value, `"`)
		}
	}
	return ""
}

func cpuOf(pids []int) time.Duration {
	var sum time.Duration
	for _, pid := range pids {
		if u, err := usageOf(pid); err == nil {
			sum += u.CPU
		}
	}
	return sum
}

// consumed is what was consumed between two readings.
type consumed struct {
	API, Etcd time.Duration
	// Bench is the bench's own: it applies for the user, writes the statuses of
	// the workloads, and watches.
	Bench     time.Duration
	Allocated float64
	// Requests leave out the bench's.
	Requests requests
}

func (r *reading) since(before reading) consumed {
	return consumed{
		API: r.api - before.api, Etcd: r.etcd - before.etcd, Bench: r.bench - before.bench, Allocated: r.allocated - before.allocated,
		Requests: r.requests.without(before.requests).without(r.own.without(before.own)),
	}
}
