package puskesmas

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/consent"
	"ilp.health/operator/controllers/stack/inventory"
)

// leave is what is done for a facility that is gone: it is forgotten, and what it
// had of isolation goes once nothing of it runs any more. Isolation has no owner,
// so that the garbage collector does not take it. Every object that goes leads here.
func (r *Reconciler) leave(ctx context.Context, facility client.ObjectKey) error {
	owner := apply.Owner{Labels: labelsOf(facility)}
	r.Statuses.Forget(&v1alpha1.Puskesmas{}, facility)
	r.Applier.ForgetOwner(owner.Labels)
	stands, err := r.namespaceStands(ctx, facility.Namespace)
	if err != nil || !stands {
		return err // everything goes with it, or has gone
	}
	left, err := r.Applier.Left(ctx, facility.Namespace, owner, r.owned.Kinds())
	if err != nil {
		return fmt.Errorf("find what Puskesmas %s has left: %w", facility.Name, err)
	}
	if _, err := r.Applier.Prune(ctx, left, owner.Owns, false); err != nil {
		return fmt.Errorf("delete what Puskesmas %s has left: %w", facility.Name, err)
	}
	return nil
}

// namespaceStands reports whether a namespace is a district's and is not being
// deleted.
func (r *Reconciler) namespaceStands(ctx context.Context, name string) (bool, error) {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	err := r.Client.Get(ctx, client.ObjectKey{Name: name}, namespace)
	return err == nil && namespace.DeletionTimestamp == nil, client.IgnoreNotFound(err)
}

// whenGone tells what stays of a facility that is gone, and leads to those that it
// stood in the way of.
func (r *Reconciler) whenGone() handler.EventHandler {
	return handler.Funcs{DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
		gone, ok := e.Object.(*v1alpha1.Puskesmas)
		if !ok {
			return
		}
		r.tellKept(ctx, newScope(gone.DeepCopy()))
		for _, request := range r.list(ctx, client.MatchingFields{IndexCode: gone.Spec.Code}) {
			q.Add(request)
		}
	}}
}

// tellKept tells people which data stays, and how it would go too.
func (r *Reconciler) tellKept(ctx context.Context, s *scope) {
	kept, err := r.keptData(ctx, s)
	if err != nil || len(kept) == 0 {
		return // nothing depends on the event
	}
	instead := "make it again and delete it once it has the finalizer " + v1alpha1.Finalizer + ", by which the operator carries out the consent that it had"
	if refusal := consent.Check(s.puskesmas.Spec.Consent, v1alpha1.ConsentDelete, s.puskesmas.Spec.Code, r.Clock.Now()); refusal != nil {
		instead = refusal.Error()
	}
	r.Recorder.Eventf(s.puskesmas, nil, corev1.EventTypeNormal, "DataKept", "Delete",
		"the database %s and its credentials stay: %s. A Puskesmas of the same name and code takes them up again. To delete them with the Puskesmas, %s",
		s.databaseName(), inventory.Names(kept), instead)
}

// keptData lists the data of a facility that is gone, without a request.
func (r *Reconciler) keptData(ctx context.Context, s *scope) ([]inventory.Ref, error) {
	stands, err := r.namespaceStands(ctx, s.puskesmas.Namespace)
	if err != nil || !stands {
		return nil, err
	}
	var kinds []schema.GroupVersionKind
	for _, gvk := range r.owned.Kinds() {
		if gvk == cnpg.Databases || gvk == cnpg.DatabaseRoles {
			kinds = append(kinds, gvk)
		}
	}
	kept, err := r.Applier.Stands(ctx, s.puskesmas.Namespace, s.owner(), kinds)
	if err != nil {
		return nil, err
	}
	recorded, err := r.Records.Read(ctx, s.puskesmas.Namespace, s.writer())
	return append(kept, recorded.Unasked(s.puskesmas.Namespace, nil, nil)...), err
}
