package harness

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// The releases that every suite has.
const (
	DefaultRelease = "ilp-1.0.0"
	OtherRelease   = "ilp-1.1.0"
)

// CreateReleases fills the catalogue: the default release and another.
func CreateReleases(ctx context.Context, c client.Client) {
	GinkgoHelper()
	for name, version := range map[string]string{DefaultRelease: "1.0.0", OtherRelease: "1.1.0"} {
		release := NewRelease(name, version)
		if name == DefaultRelease {
			release.Annotations = map[string]string{v1alpha1.DefaultReleaseAnnotation: "true"}
		}
		Expect(c.Create(ctx, release)).To(Succeed())
	}
}

// NewRelease is a release with images for GNU Health and Superset.
func NewRelease(name, version string) *v1alpha1.StackRelease {
	image := func(part string) v1alpha1.ImageReference {
		return v1alpha1.ImageReference("localhost/ilp/" + part + ":" + version)
	}
	return &v1alpha1.StackRelease{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.StackReleaseSpec{
			Version:   v1alpha1.SemanticVersion(version),
			Database:  v1alpha1.DatabaseRelease{Image: "localhost/ilp/postgresql:15-bookworm"},
			RME:       []v1alpha1.RMERelease{{Profile: v1alpha1.RMEProfileGNUHealth, Image: image("gnuhealth")}},
			Dashboard: v1alpha1.DashboardRelease{Profile: v1alpha1.DashboardProfileSuperset, Image: image("superset")},
		},
	}
}

// SafeRelease creates a release that follows the default one, and whose schema
// the default one's software can run on.
func SafeRelease(ctx context.Context, c client.WithWatch, name, version string) string {
	GinkgoHelper()
	release := NewRelease(name, version)
	release.Spec.UpgradeFrom = ">=1.0.0 <" + version
	release.Spec.SchemaRollback = v1alpha1.SchemaRollbackSafe
	Expect(c.Create(ctx, release)).To(Succeed())
	return name
}
