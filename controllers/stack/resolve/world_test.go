package resolve

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/upgrade"
)

// world is a fleet whose controllers keep the protocol: what is to be is written
// down before anything is done, and who admits goes by the status that it sees.
// Everything but the record may be seen as it was some time ago.
type world struct {
	t        *testing.T
	rand     *rand.Rand
	quiet    bool // nobody is late and nobody dies
	waves    map[string]*admitter
	district *stack
	members  []*stack // its Puskesmas
	log      []string
}

// stack is a District or a Puskesmas.
type stack struct {
	code   string
	is     custom
	was    []custom // earlier states of the resource
	record *record.Record
	exists bool
	// schema are the releases that its data may really be of, and stands tells that
	// the target was reached. Release does not see them.
	schema []string
	stands bool
}

// custom is what a custom resource says.
type custom struct{ pin, wave, current, schema, target string }

// admitter is a Wave, or a District to its Puskesmas.
type admitter struct {
	release   string
	suspended bool
	admitted  map[string]*v1alpha1.Admission
	was       []map[string]*v1alpha1.Admission
}

// seen is what a controller has read.
type seen struct {
	Stack
	is custom
}

func (w *world) chance(percent int) bool { return w.rand.IntN(100) < percent }

func pick[T any](w *world, list []T) T { return list[w.rand.IntN(len(list))] }

// dies tells that the operator is killed here.
func (w *world) dies() bool { return !w.quiet && w.chance(10) }

// late is a state of before, now and then.
func late[T any](w *world, now T, before []T) T {
	if w.quiet || len(before) == 0 || !w.chance(25) {
		return now
	}
	return before[max(0, len(before)-1-w.rand.IntN(4))]
}

func (w *world) logf(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

func (w *world) failf(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("%s\nafter\n  %s", fmt.Sprintf(format, args...), strings.Join(w.log, "\n  "))
}

func (s *stack) set(change func(*custom)) {
	s.was = append(s.was, s.is)
	change(&s.is)
}

func (s *stack) target() string {
	if s.record == nil {
		return ""
	}
	return s.record.Target
}

func (w *world) stacks() []*stack { return append([]*stack{w.district}, w.members...) }

// read is what a controller sees of a stack.
func (w *world) read(s *stack) seen {
	is := late(w, s.is, s.was)
	v := seen{is: is, Stack: Stack{Pin: is.pin, Record: s.record, Exists: s.exists, Current: is.current, Target: is.target}}
	if s == w.district {
		v.Waits, v.Offered = is.wave != "", "1.0.0"
	} else if w.district.exists {
		v.Offered = w.district.target()
	}
	if a := w.waves[is.wave]; a != nil {
		v.Admission = late(w, a.admitted, a.was)[s.code]
	}
	return v
}

// reconcile brings a stack one step on, unless the operator dies on the way.
func (w *world) reconcile(s *stack) {
	v := w.read(s)
	if w.inherit(s, v.is); w.dies() {
		return
	}
	v.Record = s.record
	d := Release(v.Stack, catalogue)
	w.logf("%s at %q sees pin %q, wave %q, admission %v, status %q %q: %s %q, asked %q", s.code, s.target(), v.Pin, v.is.wave, told(v.Admission), v.Current, v.Target, d.Row, d.Release, d.Asked)
	w.judge(s, v, d)
	if d.Release == "" || w.dies() {
		return
	}
	if d.Release != s.target() {
		if s.stands = false; len(v.Ends()) == 0 {
			s.schema = nil // new, or a person says what nobody knows any more
		}
		s.record = toward(v.Stack, d)
	}
	if w.dies() {
		return
	}
	w.work(s, d)
	if w.dies() {
		return
	}
	s.set(func(c *custom) {
		c.target, c.schema = d.Release, s.record.Schema[len(s.record.Schema)-1]
		if s.stands {
			c.current = d.Release
		}
	})
}

// inherit writes down, before anything else, where an operator before 0.2.0 has
// left a Puskesmas: its schema may be of more releases than two.
func (w *world) inherit(s *stack, is custom) {
	if s == w.district || s.record != nil || !s.exists || is.target == "" {
		return
	}
	s.record = &record.Record{Running: is.current, Target: is.target}
	for _, end := range []string{is.current, is.schema} {
		if !slices.Contains(s.record.Schema, end) {
			s.record.Schema = append(s.record.Schema, end)
		}
	}
}

// toward is the record with a new target: all that the data may be of counts.
func toward(s Stack, d Decision) *record.Record {
	next := s.Record.Copy()
	next.Running = cmp.Or(next.Target, s.Current)
	next.Target = d.Release
	next.Schema = slices.Clone(s.Ends())
	if d.Direction == upgrade.Forward && !slices.Contains(next.Schema, d.Release) {
		next.Schema = append(next.Schema, d.Release)
	}
	return next
}

// work changes what runs. It begins, and ends at some later time.
func (w *world) work(s *stack, d Decision) {
	s.exists = true
	if d.Direction == upgrade.Forward {
		for _, from := range s.schema {
			if entries[from].Version.GreaterThan(entries[d.Release].Version) {
				w.failf("%s migrates data of %s to %s", s.code, from, d.Release)
			}
		}
		if !slices.Contains(s.schema, d.Release) {
			s.schema = append(s.schema, d.Release)
		}
	}
	if s.stands || w.chance(30) || w.quiet {
		s.stands = true
		if d.Direction == upgrade.Forward {
			s.schema = []string{d.Release}
		}
		if w.dies() {
			return
		}
		s.record = s.record.Copy()
		s.record.Running = d.Release
		if d.Direction == upgrade.Forward {
			s.record.Schema = []string{d.Release}
		}
	}
}

// admit lets stacks go to a release by the status that it sees, and takes back
// what is consumed or no longer wanted.
func (w *world) admit(name string) {
	a := w.waves[name]
	next := map[string]*v1alpha1.Admission{}
	for _, s := range w.stacks() {
		is := late(w, s.is, s.was)
		if is.wave != name || is.pin != "" || is.target == a.release || a.release == "" {
			continue
		}
		from := cmp.Or(is.target, is.current)
		open := !a.suspended && (w.quiet || w.chance(60)) && (from == "" || reaches(from, a.release))
		if last := a.admitted[s.code]; last != nil && string(last.To) == a.release && string(last.From) == from {
			open = !a.suspended
		}
		if open {
			next[s.code] = admission(from, a.release)
		}
	}
	a.was, a.admitted = append(a.was, a.admitted), next
}

func reaches(from, to string) bool {
	_, refusal := upgrade.Path(entries[from], entries[to])
	return refusal == nil
}

func told(a *v1alpha1.Admission) string {
	if a == nil {
		return "none"
	}
	return fmt.Sprintf("%s → %s", a.From, a.To)
}
