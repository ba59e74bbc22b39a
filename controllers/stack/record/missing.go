package record

import (
	"fmt"
	"time"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/status"
)

// Missing stops everything that would work without data that was there. refusal
// says which consent would let it begin anew.
func Missing(recheck time.Duration, what string, refusal error) error {
	return &status.Stop{
		Stalled:    true,
		Reason:     v1alpha1.ReasonDataMissing,
		Message:    fmt.Sprintf("%s. Nothing is made anew and nothing is started. Put it back, from a backup, and it goes on by itself; or give up what is missing and begin anew: %v", what, refusal),
		RetryAfter: recheck,
	}
}

// BegunAnew waits until what was taken away to begin anew is gone.
func BegunAnew(after time.Duration) error {
	return status.Waiting(after, v1alpha1.ReasonProgressing, "beginning anew without what is missing, as agreed")
}
