package preview

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/manifest"
	"ilp.health/operator/cmd/kubectl-ilp/internal/release"
	"ilp.health/operator/config"
	"ilp.health/operator/controllers/district"
	"ilp.health/operator/controllers/puskesmas"
	"ilp.health/operator/controllers/stack/render"
	"ilp.health/operator/controllers/stack/status"
	"ilp.health/operator/controllers/stack/upgrade"
)

// compareStacks compares what the operator applies for the districts that the
// files are about.
func (p *preview) compareStacks(ctx context.Context) error {
	codes := p.wanted.codes()
	if len(codes) == 0 {
		return nil
	}
	known, err := p.know(ctx)
	if err != nil {
		return err
	}
	renderer := render.New(config.Stack())
	for _, code := range codes {
		i := slices.IndexFunc(known.districts, func(d v1alpha1.District) bool { return d.Spec.Code == code })
		if i < 0 {
			p.notef("there is no District with code %s: the operator does nothing for its Puskesmas until there is", code)
			continue
		}
		if err := p.compareStack(ctx, known, renderer, &known.districts[i]); err != nil {
			return err
		}
	}
	return nil
}

// codes are those of the districts that the files are about.
func (w *wanted) codes() []v1alpha1.KabKotaCode {
	var codes []v1alpha1.KabKotaCode
	for i := range w.districts {
		codes = append(codes, w.districts[i].Spec.Code)
	}
	for i := range w.puskesmas {
		if code, ok := v1alpha1.CodeForNamespace(w.puskesmas[i].Namespace); ok {
			codes = append(codes, code)
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// compareStack compares what the operator applies for one district and its Puskesmas.
func (p *preview) compareStack(ctx context.Context, known *known, renderer *render.Renderer, d *v1alpha1.District) error {
	title := "District " + d.Name
	if p.idle(title, d, d.Spec.State) {
		return nil
	}
	place, err := release.PlaceOf(ctx, p.cluster.client, d.Spec.Code)
	if err != nil {
		return err
	}
	found, note, err := known.releaseOf(ctx, place, d)
	if err != nil {
		p.problem(wrong(title, "spec.release", err))
		return nil
	}
	if note != "" {
		p.notef("%s: %s", title, note)
	}
	namespace := v1alpha1.NamespaceFor(d.Spec.Code)
	members, err := p.membersOf(ctx, namespace)
	if err != nil {
		return err
	}
	objects, err := district.Offline(ctx, renderer, known.operator, d, members, found)
	if err != nil {
		p.problem(wrong(title, "", err))
		return nil
	}
	err = p.compareOwned(ctx, &owned{
		title: title, present: place.Present, stopped: d.Spec.State == v1alpha1.StateHibernated,
		objects: objects, namespace: v1alpha1.NamespaceFor(d.Spec.Code), owner: district.Owner(d),
	})
	if err != nil {
		return err
	}
	for i := range members {
		facility := &facility{district: d, puskesmas: &members[i], release: found, place: place}
		if err := p.compareFacility(ctx, known, renderer, facility); err != nil {
			return err
		}
	}
	return nil
}

// membersOf are the Puskesmas of a district, of the cluster and of the files.
func (p *preview) membersOf(ctx context.Context, namespace string) ([]v1alpha1.Puskesmas, error) {
	var live v1alpha1.PuskesmasList
	if err := p.cluster.client.List(ctx, &live, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list Puskesmas: %w", err)
	}
	elsewhere := func(member v1alpha1.Puskesmas) bool { return member.Namespace != namespace }
	files := slices.DeleteFunc(slices.Clone(p.wanted.puskesmas), elsewhere)
	going := func(member v1alpha1.Puskesmas) bool { return !member.DeletionTimestamp.IsZero() }
	return slices.DeleteFunc(overlay(live.Items, files), going), nil
}

// facility is a Puskesmas whose stack is compared.
type facility struct {
	district  *v1alpha1.District
	puskesmas *v1alpha1.Puskesmas
	// release of the district.
	release *v1alpha1.StackRelease
	place   *release.Place
}

func (p *preview) compareFacility(ctx context.Context, known *known, renderer *render.Renderer, f *facility) error {
	title := "Puskesmas " + f.puskesmas.Namespace + "/" + f.puskesmas.Name
	if p.idle(title, f.puskesmas, f.puskesmas.Spec.State) {
		return nil
	}
	decision, err := known.Puskesmas(ctx, f.place, f.puskesmas, f.release.Name)
	if err != nil {
		return err
	}
	note, err := staying(decision)
	var found *v1alpha1.StackRelease
	if err == nil {
		found, err = known.release(decision.Release)
	}
	if err != nil {
		p.problem(wrong(title, "spec.release", err))
		return nil
	}
	if note != "" {
		p.notef("%s: %s", title, note)
	}
	if back := f.puskesmas.Status.Release.RolledBack; back.Name == found.Name && back.Generation == f.puskesmas.Generation {
		p.notef("%s: the RME of %s failed and was put back; it stays so until another try is asked for, and is not compared", title, found.Name)
		return nil
	}
	credentials, err := p.cluster.credentialsVersion(ctx, f.puskesmas)
	if err != nil {
		return err
	}
	objects, err := puskesmas.Offline(ctx, renderer, f.district, f.puskesmas, found, credentials)
	if err != nil {
		p.problem(wrong(title, "", err))
		return nil
	}
	o := &owned{
		title: title, present: f.place.Present,
		stopped: f.district.Spec.State == v1alpha1.StateHibernated || f.puskesmas.Spec.State == v1alpha1.StateHibernated,
		objects: objects, namespace: f.puskesmas.Namespace, owner: puskesmas.Owner(f.puskesmas),
	}
	if decision.Direction == upgrade.Back {
		o.keeps = puskesmas.ComponentSchema // its way leads back, and its schema does not go along
	}
	return p.compareOwned(ctx, o)
}

// credentialsVersion is the version of the Secret that a facility's RME is given
// for SATUSEHAT, or empty as long as the operator gives it none.
func (c *cluster) credentialsVersion(ctx context.Context, p *v1alpha1.Puskesmas) (string, error) {
	if p.Spec.SatuSehat.OrganizationID == "" {
		return "", nil
	}
	if found := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionSatuSehatConfigured); found != nil && found.Reason == v1alpha1.ReasonCredentialsMissing {
		return "", nil
	}
	like := &unstructured.Unstructured{}
	like.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	like.SetNamespace(p.Namespace)
	like.SetName(string(p.Spec.SatuSehat.CredentialsSecretRef.Name))
	secret, err := c.metadata(ctx, like)
	if err != nil || secret == nil {
		return "", err
	}
	return secret.ResourceVersion, nil
}

// idle notes that the operator leaves a resource alone.
func (p *preview) idle(title string, object client.Object, state v1alpha1.State) bool {
	switch {
	case object.GetDeletionTimestamp() != nil:
		p.notef("%s is being deleted: what it is made of is not compared", title)
	case state == v1alpha1.StateSuspended:
		p.notef("%s is Suspended: the operator changes nothing of it until it is Active", title)
	default:
		return false
	}
	return true
}

func (p *preview) notef(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// wrong is a problem of a spec; what the operator would say of it comes without
// the reason.
func wrong(title, path string, err error) manifest.Problem {
	message := err.Error()
	var stop *status.Stop
	if errors.As(err, &stop) {
		message = stop.Message
	}
	return manifest.Problem{Object: title, Path: path, Message: message}
}
