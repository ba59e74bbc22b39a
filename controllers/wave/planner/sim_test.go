package planner

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/resolve"
	"ilp.health/operator/controllers/stack/upgrade"
)

const (
	oldRelease = "r1"
	newRelease = "r2"
)

var monday = time.Date(2025, 6, 2, 1, 0, 0, 0, time.UTC) // 08:00 in Jakarta

// simulated is a district: what its spec and its status say, and what it has
// written down, which nobody but itself sees.
type simulated struct {
	District
	record *record.Record
	// alone names no wave; broken has a mistake that lets no release be rendered.
	alone, broken, mended bool
}

// act is what a district does when it looks: it resolves its release, by the
// operator's own function, and writes down where it goes before anything else.
// The answer is the row of the table by which it now goes elsewhere, or empty.
func (d *simulated) act(admitted []v1alpha1.Admission, releases map[string]upgrade.Release) (moved resolve.Row) {
	d.Observed = true
	if !d.Active || d.Unfit {
		return ""
	}
	lost := d.Message == ""
	stack := resolve.Stack{
		Pin: d.Pin, Record: d.record, Exists: d.record != nil, Current: d.Current, Target: d.Target, Waits: !d.alone, Offered: oldRelease,
	}
	for i := range admitted {
		if admitted[i].Code == d.Code {
			stack.Admission = &admitted[i]
		}
	}
	decision := resolve.Release(stack, func(name string) (upgrade.Release, bool) {
		release, found := releases[name]
		return release, found
	})
	if decision.Release == "" {
		d.Asked, d.Stalled, d.Cause, d.Message = "", false, "", "AwaitingRelease: not yet"
		return ""
	}
	d.Asked = cmp.Or(decision.Asked, decision.Release)
	if d.Asked == target(d.record) {
		d.Asked = ""
	}
	if d.broken {
		d.Target, d.Current, d.Ready, d.Stalled = target(d.record), d.record.Copy().Running, false, true
		d.Message, d.Cause = "RenderFailed: the patch does not apply", v1alpha1.CauseConfiguration
		return ""
	}
	if d.record == nil || d.record.Target != decision.Release {
		d.Asked = ""
		d.record = d.record.Copy()
		d.record.Target = decision.Release
		d.Ready, d.Stalled, d.Cause, d.Message = false, false, "", "Progressing: not yet"
		moved = decision.Row
	}
	if (lost || d.mended) && d.record.Running == d.record.Target {
		d.finish() // it serves as before
	}
	d.mended = false
	if decision.Held != nil {
		d.Ready, d.Stalled, d.Message = false, true, decision.Held.Reason+": "+decision.Held.Message
	}
	d.Target, d.Current = d.record.Target, d.record.Running
	return moved
}

// finish makes a district run what it is brought to.
func (d *simulated) finish() {
	if d.record == nil {
		return
	}
	d.record.Running = d.record.Target
	d.Target, d.Current = d.record.Target, d.record.Running
	d.Ready, d.Stalled, d.Cause, d.Message = true, false, "", "Succeeded: serves"
}

// mend takes the mistake away.
func (d *simulated) mend() { d.broken, d.mended, d.Observed = false, true, false }

// loses its status, as a restore does.
func (d *simulated) lose() {
	d.Current, d.Target, d.Asked, d.Message, d.Cause = "", "", "", "", ""
	d.Observed, d.Ready, d.Stalled, d.Unfit = false, false, false, false
}

// sim plays a cluster: one wave and its districts.
type sim struct {
	spec      v1alpha1.WaveSpec
	status    v1alpha1.WaveStatus
	last      []v1alpha1.Admission // those of the status before
	districts map[string]*simulated
	asleep    bool // no district looks by itself
	releases  map[string]upgrade.Release
	now       time.Time
}

func newSim(spec v1alpha1.WaveSpec, districts ...*simulated) *sim {
	s := &sim{
		spec: spec, districts: map[string]*simulated{},
		releases: map[string]upgrade.Release{
			oldRelease: {Name: oldRelease, Version: semver.MustParse("1.0.0")},
			newRelease: {Name: newRelease, Version: semver.MustParse("1.1.0")},
		},
		now: monday,
	}
	s.spec.Release = newRelease
	for _, d := range districts {
		s.districts[d.Name] = d
	}
	return s
}

// newDistrict runs the old release.
func newDistrict(n int) *simulated {
	d := newcomer(n)
	d.record = &record.Record{Target: oldRelease, Running: oldRelease}
	d.Current, d.Target, d.Observed, d.Ready, d.Message = oldRelease, oldRelease, true, true, "Succeeded: serves"
	return d
}

// newcomer has only just been created.
func newcomer(n int) *simulated {
	return &simulated{District: District{
		Name: fmt.Sprintf("d%02d", n), Code: fmt.Sprintf("%02d.%02d", 11+n/60, 1+n%60),
		TimeZone: []string{"Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"}[n%3],
		Labels:   map[string]string{"island": []string{"java", "papua"}[n%2]},
		Active:   true,
	}}
}

func (s *sim) fleet() Fleet {
	fleet := Fleet{Releases: s.releases}
	for _, name := range slices.Sorted(maps.Keys(s.districts)) {
		fleet.Districts = append(fleet.Districts, s.districts[name].District)
	}
	return fleet
}

func (s *sim) plan() Decision { return Plan(s.spec, s.status, s.fleet(), s.now) }

// keep is what the controller does with a decision.
func (s *sim) keep(d Decision) {
	s.last = s.status.Admitted
	s.status.Admitted, s.status.Memory = d.Admitted, d.Memory
}

// pin changes the spec of a district.
func (s *sim) pin(name, release string) {
	s.districts[name].Pin, s.districts[name].Observed = release, false
}

// nameRelease has the wave name another release.
func (s *sim) nameRelease(name, version string) {
	s.releases[name] = upgrade.Release{Name: name, Version: semver.MustParse(version)}
	s.spec.Release = v1alpha1.ObjectName(name)
}

// reconcile has the wave plan and every district look.
func (s *sim) reconcile() Decision {
	decision := s.plan()
	s.keep(decision)
	if !s.asleep {
		s.look(slices.Collect(maps.Keys(s.districts))...)
	}
	return decision
}

// look has districts look where they should go.
func (s *sim) look(names ...string) {
	for _, name := range names {
		s.districts[name].act(s.status.Admitted, s.releases)
	}
}

func (s *sim) finish(names ...string) {
	for _, name := range names {
		s.districts[name].finish()
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
	var admitted []string
	for _, m := range d.Members {
		if m.Admitted {
			admitted = append(admitted, m.Name)
		}
	}
	fmt.Fprintf(&b, ", admit %s", orNobody(strings.Join(admitted, " ")))
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

func orNobody(text string) string { return cmp.Or(text, "-") }

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
