package release

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/resolve"
	"ilp.health/operator/controllers/stack/upgrade"
)

const facility = "P6107080201"

// cluster has three releases, a wave that admits the district from ilp-1.0.0,
// and a namespace with records of the district and of its Puskesmas.
func cluster(t *testing.T, district, puskesmas string, others ...client.Object) client.Client {
	t.Helper()
	scheme, err := cmdutil.NewScheme()
	if err != nil {
		t.Fatal(err)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ilp-6105", Annotations: map[string]string{}}}
	for writer, text := range map[string]string{record.District: district, record.WriterOf(facility): puskesmas} {
		if text != "" {
			namespace.Annotations[record.Key(writer)] = text
		}
	}
	wave := &v1alpha1.Wave{ObjectMeta: metav1.ObjectMeta{Name: "w"}}
	wave.Status.Admitted = []v1alpha1.Admission{{Code: "91.03", To: "ilp-1.2.0"}, {Code: "61.05", From: "ilp-1.0.0", To: "ilp-1.1.0"}}
	builder := fake.NewClientBuilder().WithScheme(scheme).WithObjects(namespace, wave).WithObjects(others...)
	for version, from := range map[string]string{"1.0.0": "", "1.1.0": ">=1.0.0 <1.1.0", "1.2.0": ">=1.1.0 <1.2.0"} {
		release := &v1alpha1.StackRelease{ObjectMeta: metav1.ObjectMeta{Name: "ilp-" + version}}
		release.Spec.Version, release.Spec.UpgradeFrom, release.Spec.SchemaRollback = v1alpha1.SemanticVersion(version), from, v1alpha1.SchemaRollbackSafe
		release.Spec.Database.Image = "postgresql:15.14"
		if version == "1.0.0" {
			release.Annotations = map[string]string{v1alpha1.DefaultReleaseAnnotation: "true"}
		}
		builder = builder.WithObjects(release)
	}
	return builder.Build()
}

func TestStandingOf(t *testing.T) {
	pinned := metav1.ManagedFieldsEntry{Manager: "flux", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:release":{}}}`)}
	for name, test := range map[string]struct {
		record string
		change func(*v1alpha1.District)
		want   string
	}{
		"new":           {"", func(*v1alpha1.District) {}, "ilp-1.0.0 (the default)"},
		"new in a wave": {"", func(d *v1alpha1.District) { d.Spec.WaveRef.Name = "w" }, " (not admitted yet by wave w)"},
		"admitted":      {`{"target":"ilp-1.0.0"}`, func(d *v1alpha1.District) { d.Spec.WaveRef.Name = "w" }, "ilp-1.1.0 (admitted by wave w)"},
		"on its way":    {`{"running":"ilp-1.0.0","target":"ilp-1.1.0"}`, func(d *v1alpha1.District) { d.Spec.WaveRef.Name = "w" }, "ilp-1.1.0 (recorded)"},
		"pinned": {`{"target":"ilp-1.0.0"}`, func(d *v1alpha1.District) {
			d.Spec.Release = "ilp-1.1.0"
			d.ManagedFields = append(d.ManagedFields, pinned)
		}, "ilp-1.1.0 (pinned by flux)"},
		"pinned to what it cannot reach": {
			`{"target":"ilp-1.0.0"}`, func(d *v1alpha1.District) { d.Spec.Release = "ilp-1.2.0" },
			"ilp-1.0.0 (pinned to ilp-1.2.0, which is refused: it stays on ilp-1.0.0)",
		},
		"recorded nowhere but in the status": {"", func(d *v1alpha1.District) { d.Status.Release.Current = "ilp-1.0.0" }, "ilp-1.0.0 (as the status says, not recorded yet)"},
		"recorded before an older operator went on": {`{"target":"ilp-1.0.0"}`, func(d *v1alpha1.District) {
			d.Spec.Release, d.Status.Release.Target = "ilp-1.1.0", "ilp-1.1.0"
			d.Status.Release.Current = "ilp-1.0.0"
			d.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: v1alpha1.ManagerWave, FieldsV1: pinned.FieldsV1}}
		}, "ilp-1.1.0 (as the status says, not recorded yet)"},
		"recorded nowhere": {`{"systemID":"7441"}`, func(*v1alpha1.District) {}, " (not recorded: pin the release that runs)"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &v1alpha1.District{Spec: v1alpha1.DistrictSpec{Code: "61.05"}}
			test.change(d)
			s, err := StandingOf(t.Context(), cluster(t, test.record, ""), d)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Release + " (" + s.String() + ")"; got != test.want {
				t.Errorf("it stands on %s, want %s", got, test.want)
			}
		})
	}
	if _, err := StandingOf(t.Context(), cluster(t, "no record", ""), &v1alpha1.District{Spec: v1alpha1.DistrictSpec{Code: "61.05"}}); err == nil {
		t.Error("a record that cannot be read is taken for none")
	}
}

// TestPuskesmas: what a facility comes to when its district, on ilp-1.1.0, lets it go.
func TestPuskesmas(t *testing.T) {
	rme := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "ilp-6105", Name: "tebidah-rme"}}
	for name, test := range map[string]struct {
		record string
		pin    string
		was    v1alpha1.PuskesmasReleaseStatus
		others []client.Object
		want   resolve.Decision
		held   bool
	}{
		"new":                    {want: resolve.Decision{Release: "ilp-1.1.0", Row: resolve.New}},
		"it runs the one before": {record: `{"target":"ilp-1.0.0"}`, want: resolve.Decision{Release: "ilp-1.1.0", Row: resolve.Admitted}},
		"it is there":            {record: `{"target":"ilp-1.1.0"}`, want: resolve.Decision{Release: "ilp-1.1.0", Row: resolve.Admitted}},
		"it is ahead": {
			record: `{"target":"ilp-1.2.0"}`, want: resolve.Decision{Release: "ilp-1.1.0", Row: resolve.Admitted, Direction: upgrade.Back},
		},
		"pinned": {record: `{"target":"ilp-1.0.0"}`, pin: "ilp-1.0.0", want: resolve.Decision{Release: "ilp-1.0.0", Row: resolve.Pinned}},
		"pinned to what it cannot reach": {
			record: `{"target":"ilp-1.0.0"}`, pin: "ilp-1.2.0", held: true,
			want: resolve.Decision{Release: "ilp-1.0.0", Row: resolve.Pinned, Asked: "ilp-1.2.0"},
		},
		"its RME went back, and its schema did not": {
			record: `{"target":"ilp-1.1.0","schema":["ilp-1.2.0"]}`, want: resolve.Decision{Release: "ilp-1.1.0", Row: resolve.Admitted, Direction: upgrade.Back},
		},
		"as an older operator has left it": {
			was: v1alpha1.PuskesmasReleaseStatus{Current: "ilp-1.0.0", Target: "ilp-1.0.0"}, want: resolve.Decision{Release: "ilp-1.1.0", Row: resolve.Admitted},
		},
		"it runs and nothing says what": {others: []client.Object{rme}, want: resolve.Decision{Row: resolve.Unknown}},
	} {
		t.Run(name, func(t *testing.T) {
			c := cluster(t, "", test.record, test.others...)
			place, err := PlaceOf(t.Context(), c, "61.05")
			if err != nil {
				t.Fatal(err)
			}
			fleet, err := FleetOf(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			p := &v1alpha1.Puskesmas{ObjectMeta: metav1.ObjectMeta{Namespace: "ilp-6105", Name: "tebidah"}}
			p.Spec.Code, p.Spec.Release, p.Status.Release = facility, v1alpha1.ObjectName(test.pin), test.was
			got, err := fleet.Puskesmas(t.Context(), place, p, "ilp-1.1.0")
			if err != nil {
				t.Fatal(err)
			}
			if (got.Held != nil) != test.held {
				t.Errorf("held: %+v", got.Held)
			}
			if got.Held = nil; got != test.want {
				t.Errorf("it comes to %+v, want %+v", got, test.want)
			}
		})
	}
}
