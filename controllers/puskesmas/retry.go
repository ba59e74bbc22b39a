package puskesmas

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"ilp.health/operator/api/v1alpha1"
)

// longestRetry of one resource, in bytes; status.lastHandledRetry holds two.
const longestRetry = 259

// retries are the values by which the district and the facility ask for another try.
type retries []string

func (r retries) String() string { return strings.Join(r, " ") }

// retryAsked is what is asked for now.
func (s *scope) retryAsked() retries {
	var asked retries
	for _, annotations := range []map[string]string{s.district.Annotations, s.puskesmas.Annotations} {
		if value := annotations[v1alpha1.AnnotationRetryRequestedAt]; value != "" {
			asked = append(asked, value[:min(len(value), longestRetry)])
		}
	}
	return asked
}

// askedAnew tells that one of them is none that was handled. One that is taken
// away asks for nothing.
func (r retries) askedAnew(handled string) bool {
	return slices.ContainsFunc(r, func(value string) bool {
		return !strings.Contains(" "+handled+" ", " "+value+" ")
	})
}

// handleRetry takes note of a retry that a person has requested, of this facility
// or of its whole district. What a new facility finds there is none for it.
func (s *scope) handleRetry() {
	asked := s.retryAsked()
	s.retry = s.recorded() && asked.askedAnew(s.record.Retried)
	if s.retry || !s.recorded() {
		s.plan.Retried = asked.String()
	}
	if s.retry {
		s.plan.RolledBack = nil
	}
}

// retryFailed makes room for another try, and takes it that the retry is handled
// when there is room.
func (r *Reconciler) retryFailed(ctx context.Context, s *scope) error {
	if !s.retry {
		return nil
	}
	if err := r.Stages.DeleteFailedJobs(ctx, s.all); err != nil {
		return err
	}
	return r.write(ctx, s, s.plan)
}

// specDigest tells one spec of the facility from another. The release is not
// among what it is of: that is compared by itself.
func (s *scope) specDigest() string {
	spec := s.puskesmas.Spec
	spec.Release = ""
	raw, err := json.Marshal(spec)
	if err != nil {
		panic("a spec is plain data: " + err.Error())
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}
