package district

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/catalogue"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/status"
)

// scope is what the phases of one reconcile hand on.
type scope struct {
	// before is the resource as it was read; district is worked on.
	before, district *v1alpha1.District
	conditions       status.Conditions

	// namespace of the district.
	namespace string
	// record is what is written down of the district, or nil, and records that of
	// everybody in its namespace, by writer; set by readRecords.
	record  *record.Record
	records map[string]*record.Record
	// catalogue has the releases that there are; set by resolveRelease.
	catalogue catalogue.Catalogue
	// exists tells, where no release is recorded, that something was made already.
	exists bool
	// release is what the district is brought to, or stays on; set by resolveRelease.
	release *v1alpha1.StackRelease
	// from is the release that the district was brought to before, if it is on its
	// way to another one; set by resolveRelease.
	from string
	// dashboard is the release that the dashboard is asked to be of.
	dashboard *v1alpha1.StackRelease
	// held says why the district does not go where it is asked to, if so.
	held *status.Stop
	// frozen tells that nobody is let go: what is asked for cannot be reached from
	// where the district is, nor from where it is on its way to.
	frozen bool
	// retried is the retry that has been acted on; set by handleRetry.
	retried string
	// admits tells that the status lets Puskesmas go, or stops them; set by admit.
	admits bool
	// storage says why the volumes are not as asked for, if so; set by
	// checkStorage and followVolumes. Everything else goes on.
	storage *status.Stop
	// puskesmas are set by listPuskesmas, pilots first.
	puskesmas []v1alpha1.Puskesmas
	// unready are those of them that do not stand on the release.
	unready []*v1alpha1.Puskesmas
	// objects are set by render, by the component they come from.
	objects map[string][]*unstructured.Unstructured
	// all are the same objects in one list.
	all []*unstructured.Unstructured
	// made is what a version before 0.2.0 has written down that it made.
	made []inventory.Ref
	// trusted tells that the district was ready when this reconcile began.
	trusted bool
}

func newScope(district *v1alpha1.District) *scope {
	s := &scope{before: district.DeepCopy(), district: district, namespace: v1alpha1.NamespaceFor(district.Spec.Code)}
	s.conditions = status.Conditions{List: &district.Status.Conditions, Generation: district.Generation}
	s.made = inventory.Refs(district.Status.Inventory)
	s.trusted = s.conditions.IsTrue(v1alpha1.ConditionReady)
	return s
}

func (s *scope) hibernated() bool { return s.district.Spec.State == v1alpha1.StateHibernated }

// dashboardHost is where the dashboard is published, or empty.
func (s *scope) dashboardHost() string {
	if domain := s.district.Spec.Exposure.Domain; domain != "" {
		return "dashboard." + string(domain)
	}
	return ""
}

func (s *scope) dashboardURL() string {
	switch {
	case s.dashboardHost() == "":
		return ""
	case s.district.Spec.Exposure.TLSSecretName != "":
		return "https://" + s.dashboardHost()
	default:
		return "http://" + s.dashboardHost()
	}
}

// ownerLabels are on every object of the district, and prove that it is its own.
func (s *scope) ownerLabels() map[string]string {
	return map[string]string{v1alpha1.LabelDistrict: string(s.district.Spec.Code)}
}

// owner is whose the district's objects are.
func (s *scope) owner() apply.Owner {
	return apply.Owner{Kind: "District", Name: s.district.Name, UID: s.district.UID, Labels: s.ownerLabels()}
}
