// Package consent decides whether a person has agreed that data may be lost.
// It is the one way to prune, recreate or delete anything stateful.
package consent

import (
	"fmt"
	"time"

	"ilp.health/operator/api/v1alpha1"
)

// Check returns nil if given agrees to action for code at the time now, and
// otherwise an error that says what is missing and what to write.
func Check(given v1alpha1.Consent, action v1alpha1.ConsentAction, code string, now time.Time) error {
	switch {
	case given.Action == "":
		return fmt.Errorf("it needs a consent: action %s, code %s, a reason and expiresAt", action, code)
	case given.Action != action:
		return fmt.Errorf("the consent is for %s, not for %s", given.Action, action)
	case given.Code != code:
		return fmt.Errorf("the consent is for code %s, not for %s", given.Code, code)
	case !now.Before(given.ExpiresAt.Time):
		return fmt.Errorf("the consent expired at %s; give a new one with a later expiresAt", given.ExpiresAt.UTC().Format(time.RFC3339))
	}
	return nil
}
