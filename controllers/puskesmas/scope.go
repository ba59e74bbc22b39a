package puskesmas

import (
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/types"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/catalogue"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/override"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/status"
	"ilp.health/operator/controllers/stack/upgrade"
)

// scope is what the phases of one reconcile hand on.
type scope struct {
	// before is the resource as it was read; puskesmas is worked on.
	before, puskesmas *v1alpha1.Puskesmas
	conditions        status.Conditions

	// district is set by findDistrict.
	district *v1alpha1.District
	// catalogue, record, jobs and seen are set by readRecord: the releases that
	// there are, what is written down of the facility, or nil, its schema Jobs, and
	// how far its programs are. exists tells that something may have worked on its
	// data.
	catalogue catalogue.Catalogue
	record    *record.Record
	jobs      []batchv1.Job
	seen      seen
	exists    bool
	// release, direction and profile are set by resolveRelease: where the facility
	// is brought to, and which way that is from where it is.
	release   *v1alpha1.StackRelease
	direction upgrade.Direction
	profile   v1alpha1.RMEProfile
	// held says why the release that is asked for cannot be reached, if so.
	held *status.Stop
	// plan is the record as it is to be; set by choosePath.
	plan *record.Record
	// current is the release that serves, if it is another one; set by choosePath.
	current *v1alpha1.StackRelease
	// schema and rme are the releases that the database's schema and the RME are
	// asked to be of; set by choosePath.
	schema, rme *v1alpha1.StackRelease
	// settled tells that the schema is where it is brought to; set by bringUpSchema.
	settled bool
	// retry tells that a person wants what has failed to be tried again.
	retry bool
	// satusehat is set by readSatuSehat: nil without usable credentials.
	satusehat *satusehat
	// recheckAfter is when the credentials must be looked at again; 0 is never.
	recheckAfter time.Duration
	// port is where the RME may be published, or 0; set by render.
	port int32
	// objects are set by render, by the component they come from.
	objects map[string][]*unstructured.Unstructured
	// all are the same objects in one list.
	all []*unstructured.Unstructured
	// made is what a version before 0.2.0 has written down that it made.
	made []inventory.Ref
	// serves is PostgreSQL's identifier of the data of the district; set by
	// checkData, empty if nobody tells it.
	serves string
	// trusted tells that the facility was ready when this reconcile began.
	trusted bool
}

func newScope(puskesmas *v1alpha1.Puskesmas) *scope {
	s := &scope{before: puskesmas.DeepCopy(), puskesmas: puskesmas}
	s.conditions = status.Conditions{List: &puskesmas.Status.Conditions, Generation: puskesmas.Generation}
	s.made = inventory.Refs(puskesmas.Status.Inventory)
	s.trusted = s.conditions.IsTrue(v1alpha1.ConditionReady)
	return s
}

// ownerLabels are on every object of the facility, and prove that it is its own.
func (s *scope) ownerLabels() map[string]string {
	return labelsOf(client.ObjectKeyFromObject(s.puskesmas))
}

// labelsOf are the labels of the objects of a facility, known without its District.
func labelsOf(facility client.ObjectKey) map[string]string {
	code, _ := v1alpha1.CodeForNamespace(facility.Namespace)
	return map[string]string{v1alpha1.LabelDistrict: string(code), v1alpha1.LabelPuskesmas: facility.Name}
}

// owner is whose the facility's objects are.
func (s *scope) owner() apply.Owner {
	return apply.Owner{Kind: "Puskesmas", Name: s.puskesmas.Name, UID: s.puskesmas.UID, Labels: s.ownerLabels()}
}

// databaseName is the name of the facility's database and of the role that owns
// it: they must be equal, since a role may open only the database of its name.
func (s *scope) databaseName() string { return strings.ToLower(s.puskesmas.Spec.Code) }

// image is the RME's image of a release for this facility, or why there is none.
func (s *scope) image(release *v1alpha1.StackRelease) (string, error) {
	image := s.puskesmas.Spec.RME.Image
	if image == "" {
		offered, ok := release.Spec.RMEImage(s.profile)
		if !ok {
			return "", status.Stalled(v1alpha1.ReasonReleaseIncomplete,
				"StackRelease %s has no image for RME profile %s: set spec.rme.image, or name a release that has one", release.Name, s.profile)
		}
		image = offered
	}
	return override.Image(image, s.district.Spec.Images), nil
}

func (s *scope) hibernated() bool {
	return s.puskesmas.Spec.State == v1alpha1.StateHibernated || s.district.Spec.State == v1alpha1.StateHibernated
}

// host is where the RME is published, or empty.
func (s *scope) host() string {
	if s.port == 0 {
		return ""
	}
	if h := s.puskesmas.Spec.RME.Host; h != "" {
		return string(h)
	}
	if domain := s.district.Spec.Exposure.Domain; domain != "" {
		return s.puskesmas.Name + "." + string(domain)
	}
	return ""
}

func (s *scope) replicas() int32 {
	if n := s.puskesmas.Spec.RME.Replicas; n != 0 {
		return n
	}
	return s.district.Spec.RME.Replicas
}

func (s *scope) resources() v1alpha1.ResourceRequirements {
	if r := s.puskesmas.Spec.RME.Resources; len(r.Requests)+len(r.Limits) > 0 {
		return r
	}
	return s.district.Spec.RME.Resources
}

// patchSet collects patches.
type patchSet []types.Patch

func (p *patchSet) add(patches ...types.Patch) { *p = append(*p, patches...) }
