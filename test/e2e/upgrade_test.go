package e2e

import (
	"context"
	"fmt"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// Releases that the wave names one after the other, and the images of the latter two.
const (
	releaseNow    = "ilp-1.0.0"
	releaseNext   = "e2e-next"
	releaseBroken = "e2e-broken"

	imageNext      = "localhost/ilp/rme-next:5.0.6-1"
	postgresqlNext = "localhost/ilp/postgresql-next:15-bookworm-1"
)

// facility is a Puskesmas of testdata/upgrade.
type facility struct{ district, namespace, name, database string }

func (f facility) host() string { return f.name + "." + f.district + ".localhost" }

func (f facility) object() *v1alpha1.Puskesmas {
	return &v1alpha1.Puskesmas{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: f.name}}
}

// sql runs a statement in the facility's database as the facility's role.
func (f facility) sql(ctx context.Context, statement string) string {
	GinkgoHelper()
	out, err := psql(ctx, f.namespace, f.name+"-database", f.database, statement)
	Expect(err).NotTo(HaveOccurred(), f.name)
	return out
}

var (
	maliku       = facility{"pulang-pisau", "ilp-6211", "maliku", "p6211000102"}
	kahayanHilir = facility{"pulang-pisau", "ilp-6211", "kahayan-hilir", "p6211000101"}
	sumbul       = facility{"dairi", "ilp-1211", "sumbul", "p1211000102"}
	sidikalang   = facility{"dairi", "ilp-1211", "sidikalang", "p1211000101"}
	// Each district's pilot comes first.
	facilities = []facility{maliku, kahayanHilir, sumbul, sidikalang}
)

const (
	// rooms tells whether the schema has what the next release brings.
	rooms = "SELECT to_regclass('public.gnuhealth_inpatient_registration') IS NOT NULL"
	// A record that has to survive everything.
	record     = "CREATE TABLE e2e_record AS SELECT 'kept' AS word"
	readRecord = "SELECT word FROM e2e_record"
	// outage is how long the visitors of a district may be turned away while its
	// only PostgreSQL starts again from another image.
	outage = 2 * time.Minute
)

var _ = Describe("A wave", Label("upgrade"), Ordered, func() {
	wave := &v1alpha1.Wave{ObjectMeta: metav1.ObjectMeta{Name: "e2e-upgrade"}}

	BeforeAll(func(ctx SpecContext) {
		DeferCleanup(removeWave, wave.Name)
		apply(ctx, "-k", "upgrade")
		awaitReady(ctx, wave)
		for _, f := range facilities {
			Expect(f.sql(ctx, rooms)).To(Equal("f"), f.name)
			f.sql(ctx, record)
		}
	})

	It("brings its districts to a release in turn, pilots first, and nobody else notices", func(ctx SpecContext) {
		story, visitors := keepJournal(), visit(append(hosts(facilities...), "tebidah.sintang.localhost")...)
		apply(ctx, "-f", "upgrade/release-next.yaml")
		nameRelease(ctx, wave, releaseNext)
		awaitReady(ctx, wave)
		away := visitors.leave()

		By("keeping the order")
		for _, pair := range [][2]string{
			{stands("pulang-pisau", releaseNext), given("dairi", releaseNext)},
			{stands("maliku", releaseNext), given("kahayan-hilir", releaseNext)},
			{stands("sumbul", releaseNext), given("sidikalang", releaseNext)},
		} {
			Expect(story.when(pair[0])).To(BeTemporally("<", story.when(pair[1])), "%s, then %s", pair[0], pair[1])
		}

		By("changing schema, PostgreSQL and RME of all, and losing nothing")
		for _, f := range facilities {
			Expect(f.sql(ctx, rooms)).To(Equal("t"), f.name)
			Expect(f.sql(ctx, readRecord)).To(Equal("kept"), f.name)
			Expect(images(ctx, f.namespace, rmeOf(f.name))).To(Equal([]string{imageNext}), f.name)
			Expect(images(ctx, f.namespace, postgresqlPods)).To(Equal([]string{postgresqlNext}), f.district)
			expectRelease(ctx, f, releaseNext)
			_, password := credentials(ctx, f.namespace, f.name+"-rme-admin")
			Expect(loginRME(ctx, f.host(), f.database, password)).To(BeTrue(), f.name)
		}

		By("turning visitors away only while the PostgreSQL of their own district starts anew")
		for _, turn := range away {
			at := slices.IndexFunc(facilities, func(f facility) bool { return f.host() == turn.host })
			Expect(at).To(BeNumerically(">=", 0), "%s of a district without wave: %s", turn.host, turn.why)
			upgraded := facilities[at].district
			Expect(turn.at).To(And(
				BeTemporally(">=", story.when(given(upgraded, releaseNext))), BeTemporally("<=", story.when(stands(upgraded, releaseNext))),
			), "%s: %s", turn.host, turn.why)
		}
		for _, f := range facilities {
			Expect(waited(away, f.host())).To(BeNumerically("<", outage), f.host())
		}
	})

	It("holds when a release crashes at the first Puskesmas, and everybody is served on", func(ctx SpecContext) {
		story, visitors := keepJournal(), visit(append(hosts(facilities...), "tebidah.sintang.localhost")...)
		apply(ctx, "-f", "upgrade/release-broken.yaml")
		nameRelease(ctx, wave, releaseBroken)

		await(ctx, wave, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonBudgetSpent)
		await(ctx, maliku.object(), v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed)
		await(ctx, maliku.object(), v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonApplicationFailed)
		await(ctx, districtNamed("pulang-pisau"), v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed)
		Eventually(func(g Gomega) {
			g.Expect(cluster.Get(ctx, client.ObjectKeyFromObject(wave), wave)).To(Succeed())
			g.Expect(wave.Status.Progress.FailedByCause).To(ConsistOf(v1alpha1.CauseCount{Cause: v1alpha1.CauseApplication, Count: 1}))
			blocked := map[string][]v1alpha1.ObjectName{}
			for _, b := range wave.Status.Blocked {
				blocked[b.Reason] = b.Districts
			}
			g.Expect(blocked).To(Equal(map[string][]v1alpha1.ObjectName{
				v1alpha1.ReasonApplicationFailed: {"pulang-pisau"}, v1alpha1.ReasonBudgetSpent: {"dairi"},
			}))
		}).WithContext(ctx).WithTimeout(time.Minute).WithPolling(time.Second).Should(Succeed())

		By("putting the RME back, on the schema of the release that failed")
		Eventually(func() []string { return images(ctx, maliku.namespace, rmeOf("maliku")) }).
			WithContext(ctx).WithTimeout(2 * time.Minute).WithPolling(time.Second).Should(Equal([]string{imageNext}))
		expectRelease(ctx, maliku, releaseNext)
		failed := maliku.object()
		Expect(cluster.Get(ctx, client.ObjectKeyFromObject(failed), failed)).To(Succeed())
		Expect(failed.Status.Release.RolledBack.Name).To(Equal(releaseBroken))
		Expect(failed.Status.Release.Schema).To(Equal(releaseBroken))

		By("leaving all others where they are")
		expectToStayReady(ctx, kahayanHilir, sumbul, sidikalang)
		for _, f := range []facility{kahayanHilir, sumbul, sidikalang} {
			expectRelease(ctx, f, releaseNext)
		}
		Expect(story.texts()).To(ContainElement(given("maliku", releaseBroken)))
		for _, name := range []string{"kahayan-hilir", "dairi", "sumbul", "sidikalang"} {
			Expect(story.texts()).NotTo(ContainElement(given(name, releaseBroken)))
		}
		Expect(visitors.leave()).To(BeEmpty(), "the pod of the release before serves on, at the failed Puskesmas too")
	})

	It("goes back to the release before when it is named again", func(ctx SpecContext) {
		visitors := visit(hosts(facilities...)...)
		// Next to nothing has to change, so it is over within seconds.
		nameRelease(ctx, wave, releaseNext)
		awaitReady(ctx, wave)
		for _, f := range facilities {
			awaitReady(ctx, f.object())
			expectRelease(ctx, f, releaseNext)
			Expect(f.sql(ctx, readRecord)).To(Equal("kept"), f.name)
			Expect(images(ctx, f.namespace, rmeOf(f.name))).To(Equal([]string{imageNext}), f.name)
		}
		expectToStayReady(ctx, facilities...)
		Expect(visitors.leave()).To(BeEmpty())
	})

	// The schema of one facility is that of the release that failed, and its RME that of the one before.
	It("loses nothing but words when every status is lost", func(ctx SpecContext) {
		runs := func() []string {
			return slices.Concat(running(ctx, maliku.namespace), running(ctx, sumbul.namespace), running(ctx, namespace))
		}
		before, visitors := runs(), visit(hosts(facilities...)...)
		scaleOperator(ctx, 0)
		loseStatuses(ctx)
		scaleOperator(ctx, 1)
		awaitReady(ctx, wave)
		awaitSintang(ctx)
		for _, f := range facilities {
			awaitReady(ctx, f.object())
			expectRelease(ctx, f, releaseNext)
			Expect(f.sql(ctx, readRecord)).To(Equal("kept"), f.name)
		}
		lost := maliku.object()
		Expect(cluster.Get(ctx, client.ObjectKeyFromObject(lost), lost)).To(Succeed())
		Expect(lost.Status.Release.Schema).To(Equal(releaseBroken))
		expectToStayReady(ctx, facilities...)
		Expect(runs()).To(Equal(before), "no Deployment is changed, no Job is made anew, no pod is replaced")
		Expect(visitors.leave()).To(BeEmpty())
	})
})

// running tells which Deployments, Jobs and pods there are in a namespace, and
// how often each Deployment has been changed.
func running(ctx context.Context, namespace string) []string {
	GinkgoHelper()
	var out []string
	for _, list := range []client.ObjectList{&appsv1.DeploymentList{}, &batchv1.JobList{}, &corev1.PodList{}} {
		Expect(cluster.List(ctx, list, client.InNamespace(namespace))).To(Succeed())
		Expect(meta.EachListItem(list, func(item runtime.Object) error {
			obj := item.(client.Object)
			generation := int64(0)
			if _, ok := obj.(*appsv1.Deployment); ok {
				generation = obj.GetGeneration()
			}
			out = append(out, fmt.Sprintf("%T %s %s %d", obj, obj.GetName(), obj.GetUID(), generation))
			return nil
		})).To(Succeed())
	}
	slices.Sort(out)
	return out
}

// loseStatuses takes the status of every resource of the operator's away, as a
// restore from files does.
func loseStatuses(ctx context.Context) {
	GinkgoHelper()
	for _, list := range []client.ObjectList{&v1alpha1.WaveList{}, &v1alpha1.DistrictList{}, &v1alpha1.PuskesmasList{}, &v1alpha1.StackReleaseList{}} {
		Expect(cluster.List(ctx, list)).To(Succeed())
		Expect(meta.EachListItem(list, func(item runtime.Object) error {
			return cluster.Status().Patch(ctx, item.(client.Object), client.RawPatch(types.MergePatchType, []byte(`{"status":null}`)))
		})).To(Succeed())
	}
}

// scaleOperator stops the operator, or starts it again.
func scaleOperator(ctx context.Context, replicas int) {
	GinkgoHelper()
	command(ctx, "kubectl", "scale", "deployment", "ilp-operator", "-n", "ilp-system", fmt.Sprintf("--replicas=%d", replicas))
	Eventually(func() []corev1.Pod {
		var pods corev1.PodList
		Expect(cluster.List(ctx, &pods, client.InNamespace("ilp-system"), client.MatchingLabels{"app.kubernetes.io/name": "ilp-operator"})).To(Succeed())
		return pods.Items
	}).WithContext(ctx).WithTimeout(time.Minute).WithPolling(time.Second).Should(HaveLen(replicas))
}

var postgresqlPods = client.MatchingLabels{"cnpg.io/cluster": "database"}

func rmeOf(name string) client.MatchingLabels {
	return client.MatchingLabels{"app.kubernetes.io/component": "rme", v1alpha1.LabelPuskesmas: name}
}

func districtNamed(name string) *v1alpha1.District {
	return &v1alpha1.District{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

// removeWave removes everything of testdata/upgrade.
func removeWave(ctx context.Context, name string) {
	GinkgoHelper()
	Expect(client.IgnoreNotFound(cluster.Delete(ctx, &v1alpha1.Wave{ObjectMeta: metav1.ObjectMeta{Name: name}}))).To(Succeed())
	removeDistricts(ctx, "pulang-pisau", "dairi")
	for _, release := range []string{releaseNext, releaseBroken} {
		// It is kept until no district is counted on it any more.
		Eventually(func() bool {
			return apierrors.IsNotFound(cluster.Delete(ctx, &v1alpha1.StackRelease{ObjectMeta: metav1.ObjectMeta{Name: release}}))
		}).WithContext(ctx).WithTimeout(time.Minute).WithPolling(time.Second).Should(BeTrue(), release)
	}
}

func hosts(facilities ...facility) []string {
	var out []string
	for _, f := range facilities {
		out = append(out, f.host())
	}
	return out
}

func nameRelease(ctx context.Context, wave *v1alpha1.Wave, release v1alpha1.ObjectName) {
	GinkgoHelper()
	Expect(cluster.Get(ctx, client.ObjectKeyFromObject(wave), wave)).To(Succeed())
	before := wave.DeepCopy()
	wave.Spec.Release = release
	Expect(cluster.Patch(ctx, wave, client.MergeFrom(before))).To(Succeed())
}

// await waits until a condition has a status for a reason.
func await(ctx context.Context, obj client.Object, condition string, status metav1.ConditionStatus, reason string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		now, err := conditionOf(ctx, obj, condition)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(now.Status).To(Equal(status), now.Message)
		g.Expect(now.Reason).To(Equal(reason), now.Message)
	}).WithContext(ctx).WithTimeout(rollout).WithPolling(time.Second).Should(Succeed())
}

// expectToStayReady watches facilities for 20 seconds.
func expectToStayReady(ctx context.Context, facilities ...facility) {
	GinkgoHelper()
	Consistently(func(g Gomega) {
		for _, f := range facilities {
			status, message, err := readyOf(ctx, f.object())
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(status).To(Equal("True"), "%s: %s", f.name, message)
		}
	}).WithContext(ctx).WithTimeout(20 * time.Second).WithPolling(2 * time.Second).Should(Succeed())
}

func expectRelease(ctx context.Context, f facility, release string) {
	GinkgoHelper()
	p := f.object()
	Expect(cluster.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
	Expect(p.Status.Release.Current).To(Equal(release), f.name)
}
