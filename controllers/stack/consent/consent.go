// Package consent decides whether a person has agreed that data may be lost.
// It is the one way to prune, recreate or delete anything stateful.
package consent

import (
	"fmt"
	"time"

	"ilp.health/operator/api/v1alpha1"
)

const (
	// longest is how long a consent can last; the API says the same in CEL.
	longest = 30 * 24 * time.Hour
	// skew is by how much a person's clock may be ahead of the operator's.
	skew = 5 * time.Minute
)

// Check returns nil if given agrees to action for code at the time now, and
// otherwise an error that says what is missing and what to write.
func Check(given v1alpha1.Consent, action v1alpha1.ConsentAction, code string, now time.Time) error {
	issued, expires := given.IssuedAt.Time, given.ExpiresAt.Time
	switch {
	case given.Action == "":
		return fmt.Errorf("it needs a consent: action %s, code %s, a reason, issuedAt (now) and expiresAt (at most 30 days later)", action, code)
	case given.Action != action:
		return fmt.Errorf("the consent is for %s, not for %s", given.Action, action)
	case given.Code != code:
		return fmt.Errorf("the consent is for code %s, not for %s", given.Code, code)
	case issued.IsZero():
		return fmt.Errorf("the consent has no issuedAt, so nobody can tell since when it holds: add issuedAt (now) and an expiresAt at most 30 days later")
	case issued.After(now.Add(skew)):
		return fmt.Errorf("the consent was issued in the future, at %s, and it is %s: write when it is given as issuedAt", utc(issued), utc(now))
	case expires.Sub(issued) > longest:
		return fmt.Errorf("the consent lasts longer than 30 days, from %s to %s: write an expiresAt of %s or earlier", utc(issued), utc(expires), utc(issued.Add(longest)))
	case !now.Before(expires):
		return fmt.Errorf("the consent expired at %s; give a new one: issuedAt (now) and expiresAt (at most 30 days later)", utc(expires))
	}
	return nil
}

func utc(t time.Time) string { return t.UTC().Format(time.RFC3339) }
