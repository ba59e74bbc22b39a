package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

const (
	waveName = "contoh"
	// firstRelease is in the samples; nextRelease is made from it.
	firstRelease = "ilp-1.0.0"
	nextRelease  = "ilp-1.1.0"
	nextImage    = "localhost/ilp/gnuhealth:5.0.7"
	// registrationQuiet is enough while nothing is brought up yet.
	registrationQuiet = 5 * time.Second
)

var aQuarter = intstr.FromString("25%")

// rollout is one run of the scenario wave.
type rollout struct {
	*bench
	results rolloutResults

	cluster  *cluster
	observer *observer
	witness  *witness
	operator *runningOperator
	log      *auditReader
}

// rollOut provisions districts by a Wave, names the next release on it, and
// watches how it gets there, or where it stops.
func (b *bench) rollOut() (report, error) {
	r := &rollout{bench: b, results: rolloutResults{About: b.about}}
	say("wave: %d districts with %d Puskesmas each", b.districts, b.puskesmas)
	err := b.onCluster("wave", true, func(ctx context.Context, c *cluster, o *observer) error {
		r.cluster, r.observer, r.log = c, o, &auditReader{path: c.auditLog}
		return r.run(ctx)
	})
	if err != nil {
		return nil, err
	}
	return &r.results, nil
}

func (r *rollout) run(ctx context.Context) error {
	doomed, err := r.doomed()
	if err != nil {
		return err
	}
	wave := r.newWave()
	r.witness = newWitness(r.wave, wave.Spec.Rollout.Stages)
	if err := r.begin(ctx, wave); err != nil {
		return err
	}
	active := func(s *v1alpha1.WaveSpec) { s.State = v1alpha1.WaveStateActive }
	if err := r.phase(ctx, wave, &r.results.Provisioning, active, r.isComplete); err != nil {
		return fmt.Errorf("provisioning: %w", err)
	}
	before, err := r.snapshot(ctx)
	if err != nil {
		return err
	}
	was, err := r.cluster.contents(ctx)
	if err != nil {
		return err
	}
	r.observer.simulator.breakImage(nextImage, doomed)
	over, check := r.isComplete, r.allStand
	if len(doomed) > 0 {
		over, check = isHeld, r.onlyTheDoomedFailed
	}
	profiled := r.profile(ctx, r.cluster)
	next := func(s *v1alpha1.WaveSpec) { s.Release = nextRelease }
	if err := r.phase(ctx, wave, &r.results.Upgrade, next, over); err != nil {
		return fmt.Errorf("upgrade: %w", err)
	}
	if err := profiled(); err != nil {
		return err
	}
	if err := check(ctx, doomed); err != nil {
		return err
	}
	is, err := r.cluster.contents(ctx)
	if err != nil {
		return err
	}
	r.results.Changed = is.changed(was)
	after, err := r.snapshot(ctx)
	if err != nil {
		return err
	}
	before.wave.Spec.Release = nextRelease
	r.results.FirstPlan, r.results.LastPlan = before.measure(), after.measure()
	return nil
}

// newWave has a canary, a fifth and the rest; nothing waits for a time or a person.
func (r *rollout) newWave() *v1alpha1.Wave {
	w := &v1alpha1.Wave{ObjectMeta: metav1.ObjectMeta{Name: waveName}}
	w.Spec = v1alpha1.WaveSpec{
		Year: 2026, Release: firstRelease, State: v1alpha1.WaveStateSuspended,
		Rollout: v1alpha1.Rollout{
			Stages: []v1alpha1.Stage{
				{Name: "canary", Count: 1, MaxConcurrent: ptr.To(intstr.FromInt32(1))},
				{Name: "fifth", Count: max(int32(r.districts)/5, 1), MaxConcurrent: &aQuarter}, //nolint:gosec // there are 514 districts
				{Name: "rest", MaxConcurrent: &aQuarter},
			},
			// One district that fails is enough.
			FailureBudget: v1alpha1.FailureBudget{Total: ptr.To[int32](0)},
		},
	}
	for _, d := range r.wave.districts {
		d.Spec.WaveRef.Name = waveName
	}
	return w
}

// begin applies everything while the wave is suspended, so that the order of the
// stages does not depend on who registers first.
func (r *rollout) begin(ctx context.Context, wave *v1alpha1.Wave) error {
	c := r.cluster
	release := &v1alpha1.StackRelease{}
	if err := c.Client.Get(ctx, client.ObjectKey{Name: firstRelease}, release); err != nil {
		return err
	}
	for _, object := range []client.Object{nextOf(release), wave} {
		if err := c.Client.Create(ctx, object); err != nil {
			return fmt.Errorf("create %s: %w", object.GetName(), err)
		}
	}
	var args []string
	if r.profiles != "" {
		args = append(args, "--profiler-address="+profilerAddress)
	}
	var err error
	if r.operator, err = r.startOn(ctx, c, args...); err != nil {
		return err
	}
	if err := r.witness.start(ctx, c.Client); err != nil {
		return err
	}
	if err := r.wave.apply(ctx, c); err != nil {
		return err
	}
	registered := func(w *v1alpha1.Wave) bool { return int(ptr.Deref(w.Status.Districts, 0)) == r.districts }
	if _, err := r.await(registered); err != nil {
		return fmt.Errorf("registration: %w", err)
	}
	// The districts have still to say that they wait.
	_, err = r.log.quiet(r.bench, registrationQuiet)
	return err
}

// nextOf is a release with a new image of everything.
func nextOf(release *v1alpha1.StackRelease) *v1alpha1.StackRelease {
	next := &v1alpha1.StackRelease{ObjectMeta: metav1.ObjectMeta{Name: nextRelease}, Spec: *release.Spec.DeepCopy()}
	next.Spec.Version, next.Spec.UpgradeFrom, next.Spec.SchemaRollback = "1.1.0", ">=1.0.0 <1.1.0", v1alpha1.SchemaRollbackSafe
	next.Spec.Database.Image += "-next"
	next.Spec.Dashboard.Image += "-next"
	for i := range next.Spec.RME {
		next.Spec.RME[i].Image += "-next"
		if next.Spec.RME[i].Profile == v1alpha1.RMEProfileGNUHealth {
			next.Spec.RME[i].Image = nextImage
		}
	}
	return next
}

// phase changes the wave's spec and measures until it is over and all is quiet.
func (r *rollout) phase(ctx context.Context, wave *v1alpha1.Wave, p *phase, change func(*v1alpha1.WaveSpec), over func(*v1alpha1.Wave) bool) error {
	before := wave.DeepCopy()
	change(&wave.Spec)
	p.Release = string(wave.Spec.Release)
	say("wave: to release %s", p.Release)
	r.witness.expect(p.Release)
	used, err := usageOf(r.operator.command.Process.Pid)
	if err != nil {
		return err
	}
	server := serverCPU()
	p.LoadBefore = loadAverage()
	begin := time.Now()
	if err := r.cluster.Client.Patch(ctx, wave, client.MergeFrom(before)); err != nil {
		return err
	}
	end, err := r.await(func(w *v1alpha1.Wave) bool {
		return w.Spec.Release == wave.Spec.Release && w.Status.ObservedGeneration == wave.Generation && over(w)
	})
	if err != nil {
		return err
	}
	p.Wall = end.Sub(begin)
	p.LoadAfter = loadAverage()
	p.ServerCPU = serverCPU() - server
	after, err := usageOf(r.operator.command.Process.Pid)
	if err != nil {
		return err
	}
	p.Operator = usage{CPU: after.CPU - used.CPU, PeakMiB: after.PeakMiB}
	if p.Requests, err = r.log.quiet(r.bench, quietAfter); err != nil {
		return err
	}
	p.Objects, _ = r.observer.count()
	r.witness.checkDistricts()
	p.Stages = r.witness.took(begin)
	return r.witness.err()
}

// await waits until the wave is as asked for, and says since when it is.
func (r *rollout) await(is func(*v1alpha1.Wave) bool) (time.Time, error) {
	for {
		wave, at := r.witness.latest()
		if wave != nil && is(wave) {
			return at, nil
		}
		err := errors.Join(r.witness.err(), r.observer.simulator.err(), r.operator.died(r.operator.log))
		if err == nil {
			err = r.sleep(20 * time.Millisecond)
		}
		if err != nil {
			if wave != nil {
				err = fmt.Errorf("%w; the wave says: %s", err, sentence(wave))
			}
			return at, err
		}
	}
}

func sentence(w *v1alpha1.Wave) string {
	var parts []string
	for _, c := range w.Status.Conditions {
		parts = append(parts, fmt.Sprintf("%s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message))
	}
	return strings.Join(parts, "; ")
}

func (r *rollout) isComplete(w *v1alpha1.Wave) bool {
	return isReady(w.Status.Conditions) && int(ptr.Deref(w.Status.Progress.Done, 0)) == r.districts
}

// doomed are the namespaces of the districts in which the next release fails.
// The seed decides which they are.
func (r *rollout) doomed() (map[string]bool, error) {
	share := intstr.Parse(r.fail)
	n, err := intstr.GetScaledValueFromIntOrPercent(&share, r.districts, true)
	if err != nil {
		return nil, fmt.Errorf("-fail %q: write a number of districts or a percentage such as 3%%: %w", r.fail, err)
	}
	out := map[string]bool{}
	random := rand.New(rand.NewPCG(r.seed, 0)) //nolint:gosec // not for secrets
	for _, i := range random.Perm(r.districts)[:max(0, min(n, r.districts))] {
		out[r.wave.namespaces[i].Name] = true
	}
	return out, nil
}
