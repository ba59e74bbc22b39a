package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

const (
	// visitEvery is how often each RME is asked.
	visitEvery = 500 * time.Millisecond
	// visitPatience is after how long a visitor gives up.
	visitPatience = 10 * time.Second
)

// visitors ask RMEs again and again, as the staff of a Puskesmas does all day,
// and remember who got no answer. What they ask for takes the RME and its database.
type visitors struct {
	stop func()

	mu    sync.Mutex
	asked map[string]int
	turns []turnedAway
}

type turnedAway struct {
	host string
	at   time.Time
	took time.Duration
	why  string
}

// GomegaString is how a turn is told of in a failure and in the report.
func (t turnedAway) GomegaString() string {
	return fmt.Sprintf("%s %s (%s): %.200s", t.at.Format(time.TimeOnly), t.host, t.took.Round(time.Millisecond), t.why)
}

// visit begins to ask the hosts, until leave or the end of the spec, whose
// report says how they fared.
func visit(hosts ...string) *visitors {
	ctx, cancel := context.WithCancel(context.Background())
	v := &visitors{asked: map[string]int{}}
	var running sync.WaitGroup
	v.stop = func() { cancel(); running.Wait() }
	for _, host := range hosts {
		v.asked[host] = 0
	}
	for _, host := range hosts {
		running.Go(func() { v.keepAsking(ctx, host) })
	}
	DeferCleanup(func() {
		v.stop()
		AddReportEntry("visitors", v.String())
	})
	return v
}

func (v *visitors) keepAsking(ctx context.Context, host string) {
	tick := time.NewTicker(visitEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			v.ask(ctx, host)
		}
	}
}

func (v *visitors) ask(ctx context.Context, host string) {
	started := time.Now()
	limited, cancel := context.WithTimeout(ctx, visitPatience)
	defer cancel()
	code, answer, err := fetch(limited, http.MethodGet, "http://"+host+"/readyz", "", nil)
	if ctx.Err() != nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked[host]++
	switch {
	case err != nil:
		v.turns = append(v.turns, turnedAway{host, started, time.Since(started), err.Error()})
	case code != http.StatusOK:
		v.turns = append(v.turns, turnedAway{host, started, time.Since(started), fmt.Sprintf("%d %s", code, strings.Join(strings.Fields(string(answer)), " "))})
	}
}

// leave stops asking and tells who was turned away when.
func (v *visitors) leave() []turnedAway {
	GinkgoHelper()
	v.stop()
	for host, n := range v.asked {
		Expect(n).To(BeNumerically(">", 10), "requests to "+host)
	}
	return v.turns
}

// String is for the report.
func (v *visitors) String() string {
	var out strings.Builder
	for host, n := range v.asked {
		fmt.Fprintf(&out, "%s: %d requests, %s without an answer\n", host, n, waited(v.turns, host).Round(time.Millisecond))
	}
	for _, t := range v.turns {
		fmt.Fprintln(&out, t.GomegaString())
	}
	return out.String()
}

// waited is for how long a host gave no answer.
func waited(turns []turnedAway, host string) time.Duration {
	var sum time.Duration
	for _, t := range turns {
		if t.host == host {
			sum += max(t.took, visitEvery)
		}
	}
	return sum
}
