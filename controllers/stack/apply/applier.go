// Package apply brings rendered objects to the API server by server-side
// apply, and makes no call where nothing is to be done.
//
// For every object it remembers the digest of what it applied and the
// fingerprint of the fields that it owned afterwards. As long as the desired
// object has that digest and the cached object that fingerprint, the object is
// as it should be. A restarted operator reads the digest from the object.
package apply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/pace"
)

// inFlight is how many calls go out at once: on a small API server more only
// adds latency.
const inFlight = 8

// Applier applies and prunes objects for all controllers of the process.
type Applier struct {
	// writer sends requests to the API server.
	writer client.Client
	// cache answers from informers.
	cache client.Reader
	// apiReader reads from the API server itself.
	apiReader client.Reader

	clock clock.PassiveClock
	pace  pace.Pace

	slots   chan struct{}
	mu      sync.Mutex
	written map[inventory.Ref]*written
	// unseen are objects that are written and that the cache has not shown yet,
	// with whose they are.
	unseen  map[inventory.Ref]ownerKey
	secrets map[inventory.Ref]seenSecret
	// sending are objects that are being applied, with the resourceVersion of
	// their deletion if that is seen before the answer to the apply.
	sending map[inventory.Ref]string
	// foreign are objects that were found to be somebody else's, with whose they
	// were to be.
	foreign map[inventory.Ref]ownerKey
}

// ownerKey is whom something is remembered for: the values of the labels that say so.
type ownerKey struct{ district, puskesmas string }

func ownerKeyOf(labels map[string]string) ownerKey {
	return ownerKey{labels[v1alpha1.LabelDistrict], labels[v1alpha1.LabelPuskesmas]}
}

// written is what the operator knows of an object after its last apply.
type written struct {
	digest          string
	owner           types.UID
	fields          string
	uid             types.UID
	resourceVersion string
	// observed tells that the cache has shown this object; before, its absence
	// from the cache means nothing.
	observed bool
}

// New returns an Applier. cache must hold the objects as package live cuts them
// down; writer and apiReader talk to the API server.
func New(writer client.Client, cache, apiReader client.Reader, clock clock.PassiveClock, pace pace.Pace) *Applier {
	return &Applier{
		writer:    writer,
		cache:     cache,
		apiReader: apiReader,
		clock:     clock,
		pace:      pace,
		slots:     make(chan struct{}, inFlight),
		written:   map[inventory.Ref]*written{},
		unseen:    map[inventory.Ref]ownerKey{},
		secrets:   map[inventory.Ref]seenSecret{},
		sending:   map[inventory.Ref]string{},
		foreign:   map[inventory.Ref]ownerKey{},
	}
}

// Options of one Apply.
type Options struct {
	// Trusted tells that the owner was ready, so that its generated Secrets are
	// there and need no look.
	Trusted bool
	// NewNamespace tells that the operator's rights in the namespace have just
	// been granted and may need a moment to be in force.
	NewNamespace bool
}

// Apply brings all objects to the API server, several at once. It tries every
// object and joins the errors; each names its object.
func (a *Applier) Apply(ctx context.Context, objs []*unstructured.Unstructured, opts Options) error {
	errs := make([]error, len(objs))
	var wg sync.WaitGroup
	for i, obj := range objs {
		send, err := a.plan(ctx, obj, opts)
		if err != nil {
			errs[i] = err
			continue
		}
		if send == nil {
			continue
		}
		wg.Go(func() {
			a.slots <- struct{}{}
			defer func() { <-a.slots }()
			if err := a.retryForbidden(ctx, opts, send); err != nil {
				errs[i] = &Error{Ref: inventory.RefOf(obj), Err: err}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Error is a failed call for one object.
type Error struct {
	Ref inventory.Ref
	Err error
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.Ref, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// plan returns the call that an object needs, or nil.
func (a *Applier) plan(ctx context.Context, obj *unstructured.Unstructured, opts Options) (func(context.Context) error, error) {
	ref := inventory.RefOf(obj)
	if isSecret(obj) {
		if a.secretKnown(ref, obj, opts.Trusted) {
			return nil, nil
		}
		return func(ctx context.Context) error { return a.createSecret(ctx, ref, obj) }, nil
	}
	digest, err := digestOf(obj)
	if err != nil {
		return nil, &Error{Ref: ref, Err: err}
	}
	cached, err := live.Get(ctx, a.cache, ref)
	if client.IgnoreNotFound(err) != nil {
		return nil, &Error{Ref: ref, Err: err}
	}
	owner := controllerOf(obj)
	if a.isCurrent(ref, cached, digest, owner) {
		return nil, nil
	}
	if cached != nil && cached.GetDeletionTimestamp() != nil && !Stateful(obj) {
		return nil, &TerminatingError{Ref: ref}
	}
	return func(ctx context.Context) error { return a.send(ctx, ref, obj, cached, digest) }, nil
}

// digestOf is the digest of all of an object but who owns it.
func digestOf(obj *unstructured.Unstructured) (string, error) {
	content := maps.Clone(obj.Object)
	metadata, _ := content["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	delete(metadata, "ownerReferences")
	content["metadata"] = metadata
	raw, err := json.Marshal(content)
	if err != nil {
		return "", fmt.Errorf("encode: %w", err)
	}
	sum := sha256.Sum256(raw)
	return live.Digest(hex.EncodeToString(sum[:8]), controllerOf(obj) != ""), nil
}

// isCurrent reports whether the object in the cluster is the desired one and has
// the owner that it is to have, if any. cached is nil if the cache has none.
func (a *Applier) isCurrent(ref inventory.Ref, cached client.Object, digest string, owner types.UID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := a.written[ref]
	if known == nil {
		if cached == nil || live.Edited(cached) || cached.GetAnnotations()[live.AnnotationDigest] != digest ||
			(owner != "" && controllerOf(cached) != owner) || cached.GetDeletionTimestamp() != nil {
			return false
		}
		a.written[ref] = &written{
			digest:          digest,
			owner:           owner,
			fields:          live.Fields(cached),
			uid:             cached.GetUID(),
			resourceVersion: cached.GetResourceVersion(),
			observed:        true,
		}
		return true
	}
	if known.digest != digest || known.owner != owner {
		return false
	}
	if cached == nil {
		return !known.observed
	}
	if known.lagging(cached) {
		return true
	}
	// The watch may have shown it before the answer came.
	known.observed = true
	delete(a.unseen, ref)
	return known.matches(cached)
}

// lagging reports whether the cache still shows an object from before the
// operator's last write.
func (r *written) lagging(cached client.Object) bool {
	order, err := resourceversion.CompareResourceVersion(cached.GetResourceVersion(), r.resourceVersion)
	return err == nil && order < 0
}

func (r *written) matches(cached client.Object) bool {
	return cached.GetUID() == r.uid && live.Fields(cached) == r.fields && cached.GetDeletionTimestamp() == nil
}

// send applies one object. A stateless object with a field that cannot change
// in place is made anew; a stateful one never is. cached is the object as the
// cache shows it, or nil.
func (a *Applier) send(ctx context.Context, ref inventory.Ref, obj *unstructured.Unstructured, cached client.Object, digest string) error {
	desired := obj.DeepCopy()
	annotations := desired.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[live.AnnotationDigest] = digest
	desired.SetAnnotations(annotations)

	a.mu.Lock()
	a.sending[ref] = ""
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.sending, ref)
	}()
	var applied *unstructured.Unstructured
	var err error
	switch own := a.isOwn(ref, obj, cached); {
	case own && anothers(cached, desired):
		applied, err = a.adopt(ctx, ref, desired)
	case own && cached != nil && Stateful(obj):
		// What holds data and is gone by now is not made anew here.
		applied, err = a.applyTo(ctx, cached.GetUID(), desired)
	case own:
		applied, err = a.applyTo(ctx, "", desired)
	default:
		applied, err = a.applyFirst(ctx, ref, desired)
	}
	if Immutable(err) && !Stateful(obj) {
		if err = a.remove(ctx, ref, desired); err == nil {
			applied = desired
			err = a.apply(ctx, applied, client.ForceOwnership)
		}
	}
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if deleted := a.sending[ref]; deleted != "" {
		if order, err := resourceversion.CompareResourceVersion(applied.GetResourceVersion(), deleted); err != nil || order <= 0 {
			return nil // it is gone already, and is missed at the next look
		}
	}
	a.unseen[ref] = ownerKeyOf(obj.GetLabels())
	a.written[ref] = &written{
		digest:          digest,
		owner:           controllerOf(obj),
		fields:          live.OwnedFields(applied.GetManagedFields()),
		uid:             applied.GetUID(),
		resourceVersion: applied.GetResourceVersion(),
	}
	return nil
}

// isOwn reports whether the operator knows, without asking, that it may write to
// an object: it has applied it before.
func (a *Applier) isOwn(ref inventory.Ref, obj *unstructured.Unstructured, cached client.Object) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, foreign := a.foreign[ref]; foreign {
		return false // the cache may still show the moment before the operator left it as it was
	}
	return everybodys(obj) || a.written[ref] != nil || (cached != nil && live.Fields(cached) != "")
}

func (a *Applier) apply(ctx context.Context, obj *unstructured.Unstructured, options ...client.ApplyOption) error {
	return a.writer.Apply(ctx, client.ApplyConfigurationFromUnstructured(obj), append(options, client.FieldOwner(v1alpha1.ManagerName))...)
}

// Immutable reports whether the API server refused because a field cannot
// change, and for no other reason.
func Immutable(err error) bool {
	var status apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return false
	}
	for _, cause := range status.Status().Details.Causes {
		if !isImmutableMessage(cause.Message) {
			return false
		}
	}
	return len(status.Status().Details.Causes) > 0
}

// retryForbidden repeats a call that is refused while the rights of a new
// namespace are still on their way to the API server's authorizer.
func (a *Applier) retryForbidden(ctx context.Context, opts Options, call func(context.Context) error) error {
	err := call(ctx)
	if !opts.NewNamespace || !lacksRights(err) {
		return err
	}
	backoff := wait.Backoff{Duration: a.pace.Rights, Factor: 2, Jitter: 0.2, Steps: 8}
	_ = wait.ExponentialBackoffWithContext(ctx, backoff, func(ctx context.Context) (bool, error) {
		err = call(ctx)
		return !lacksRights(err), nil
	})
	return err
}

// lacksRights reports a refusal by RBAC, not by quota or a namespace that goes.
func lacksRights(err error) bool {
	return apierrors.IsForbidden(err) && !RefusedByPolicy(err) && !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) && !isQuota(err)
}

// RefusedByPolicy reports a refusal by a ValidatingAdmissionPolicy, which comes
// again until a person changes something.
func RefusedByPolicy(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "ValidatingAdmissionPolicy '")
}
