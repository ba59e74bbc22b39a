package planner

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/upgrade"
)

const (
	oldRelease = "r1"
	newRelease = "r2"
)

// sim plays a cluster, and the controller that executes plans in it.
type sim struct {
	spec      v1alpha1.WaveSpec
	memory    v1alpha1.WaveMemory
	districts map[string]*District
	pins      map[string]bool // whose release belongs to Git
	releases  map[string]upgrade.Release
	now       time.Time
}

func newSim(spec v1alpha1.WaveSpec, districts ...*District) *sim {
	s := &sim{
		spec: spec, districts: map[string]*District{}, pins: map[string]bool{},
		releases: map[string]upgrade.Release{
			oldRelease: {Name: oldRelease, Version: semver.MustParse("1.0.0")},
			newRelease: {Name: newRelease, Version: semver.MustParse("1.1.0")},
		},
		now: time.Date(2025, 6, 2, 1, 0, 0, 0, time.UTC), // a Monday, 08:00 in Jakarta
	}
	s.spec.Release = newRelease
	for _, d := range districts {
		s.districts[d.Name] = d
	}
	return s
}

func newDistrict(n int) *District {
	return &District{
		Name: fmt.Sprintf("d%02d", n), Code: fmt.Sprintf("%02d.%02d", 11+n/60, 1+n%60),
		TimeZone: []string{"Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"}[n%3],
		Labels:   map[string]string{"island": []string{"java", "papua"}[n%2]},
		Active:   true, Release: oldRelease, Current: oldRelease, Target: oldRelease, Observed: true, Ready: true,
	}
}

func (s *sim) fleet() Fleet {
	fleet := Fleet{Releases: s.releases}
	for _, name := range slices.Sorted(maps.Keys(s.districts)) {
		fleet.Districts = append(fleet.Districts, *s.districts[name])
	}
	return fleet
}

func (s *sim) plan() Decision { return Plan(s.spec, s.memory, s.fleet(), s.now) }

// give is server-side apply without force; it tells whether the district is pinned.
func (s *sim) give(name string) (pinned bool) {
	d := s.districts[name]
	if s.pins[name] && d.Release != s.target() {
		return true
	}
	if d.Release != s.target() {
		d.Release, d.Target, d.Observed, d.Ready, d.Stalled = s.target(), s.target(), true, false, false
		d.Message = "Progressing: not yet"
	}
	return false
}

// nameRelease has the wave name another release.
func (s *sim) nameRelease(name, version string) {
	s.releases[name] = upgrade.Release{Name: name, Version: semver.MustParse(version)}
	s.spec.Release = v1alpha1.ObjectName(name)
}

// target is the release that the wave names.
func (s *sim) target() string { return string(s.spec.Release) }

// pin is what the controller does with a conflict.
func (s *sim) pin(name string) {
	named := v1alpha1.ObjectName(name)
	s.memory.Started = slices.DeleteFunc(s.memory.Started, func(d v1alpha1.StartedDistrict) bool { return d.Name == named })
	s.memory.Pinned = slices.DeleteFunc(s.memory.Pinned, func(d v1alpha1.PinnedDistrict) bool { return d.Name == named })
	s.memory.Pinned = append(s.memory.Pinned, v1alpha1.PinnedDistrict{Name: named, Release: v1alpha1.ObjectName(s.districts[name].Release)})
}

// reconcile plans and executes until nobody turns out to be pinned.
func (s *sim) reconcile() Decision {
	for {
		decision := s.plan()
		s.memory = decision.Memory
		again := false
		for _, name := range decision.Ask {
			if s.pins[name] {
				s.pin(name)
				again = true
			}
		}
		if again {
			continue
		}
		for _, name := range decision.Start {
			if s.give(name) {
				s.pin(name)
				again = true
			}
		}
		if !again {
			return decision
		}
	}
}

func (s *sim) finish(names ...string) {
	for _, name := range names {
		d := s.districts[name]
		d.Current, d.Ready, d.Stalled, d.Message = d.Release, true, false, "Succeeded: serves"
	}
}

func (s *sim) stall(name string) {
	d := s.districts[name]
	d.Ready, d.Stalled, d.Message = false, true, "ReleaseIncomplete: no image"
}

// fail stalls a district for a cause.
func (s *sim) fail(name string, cause v1alpha1.FailureCause) {
	s.stall(name)
	s.districts[name].Cause, s.districts[name].Message = cause, string(cause)+"Failed: it fails"
}

func (d Decision) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "stage %s", orNobody(d.Stage))
	if d.Complete() {
		b.WriteString(", complete")
	}
	fmt.Fprintf(&b, ", start %s", orNobody(strings.Join(d.Start, " ")))
	if !d.Next.IsZero() {
		fmt.Fprintf(&b, ", look again %s", d.Next.UTC().Format("Mon 15:04"))
	}
	b.WriteString("\n")
	if d.Problem != nil {
		fmt.Fprintf(&b, "    %s: %s\n", d.Problem.Reason, d.Problem.Message)
	}
	for _, m := range d.Members {
		line := fmt.Sprintf("    %-4s %-8s %-8s %s %s", m.Name, orNobody(m.Stage), m.State, m.Reason, m.Message)
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

func orNobody(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func stageOf(name string, change ...func(*v1alpha1.Stage)) v1alpha1.Stage {
	s := v1alpha1.Stage{Name: v1alpha1.ObjectName(name)}
	for _, c := range change {
		c(&s)
	}
	return s
}

func count(n int32) func(*v1alpha1.Stage) { return func(s *v1alpha1.Stage) { s.Count = n } }
func soak(minutes int32) func(*v1alpha1.Stage) {
	return func(s *v1alpha1.Stage) { s.SoakMinutes = &minutes }
}
func approval(s *v1alpha1.Stage) { s.Approval = "Required" }
func atOnce(n string) func(*v1alpha1.Stage) {
	return func(s *v1alpha1.Stage) { s.MaxConcurrent = ptr.To(intstr.Parse(n)) }
}

func byName(names ...v1alpha1.ObjectName) func(*v1alpha1.Stage) {
	return func(s *v1alpha1.Stage) { s.Districts = names }
}
