package release

import (
	"cmp"
	"context"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/pin"
	"ilp.health/operator/controllers/stack/resolve"
)

// Standing is why a district has the release that it has.
type Standing struct {
	// Row of the table.
	Row      resolve.Row `json:"row"`
	Release  string      `json:"release,omitempty"`
	PinnedBy []string    `json:"pinnedBy,omitempty"`
	Wave     string      `json:"wave,omitempty"`
	// Refused is the release that is asked for, where it cannot be reached.
	Refused string `json:"refused,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
}

// StandingOf finds the row of the table that holds for a district.
func StandingOf(ctx context.Context, c client.Client, d *v1alpha1.District) (*Standing, error) {
	fleet, err := FleetOf(ctx, c)
	if err != nil {
		return nil, err
	}
	place, err := PlaceOf(ctx, c, d.Spec.Code)
	if err != nil {
		return nil, err
	}
	decision, err := fleet.District(ctx, place, d)
	if err != nil {
		return nil, err
	}
	s := &Standing{Row: decision.Row, Release: decision.Release, PinnedBy: pin.By(d, d.Spec.Release), Wave: string(d.Spec.WaveRef.Name)}
	if decision.Held != nil {
		s.Refused, s.Reason, s.Message = decision.Asked, decision.Held.Reason, decision.Held.Message
	}
	return s, nil
}

// rows in words. New is told by whoever offers the release.
var rows = map[resolve.Row]string{
	resolve.Pinned:    "pinned",
	resolve.Inherited: "as the status says, not recorded yet",
	resolve.Unknown:   "not recorded: pin the release that runs",
	resolve.Admitted:  "admitted",
	resolve.Begun:     "recorded",
	resolve.Running:   "recorded",
	resolve.Waiting:   "not admitted yet",
	resolve.New:       "the default",
}

func (s *Standing) String() string {
	words := rows[s.Row]
	switch {
	case s.Row == resolve.Pinned && len(s.PinnedBy) > 0:
		words += " by " + strings.Join(s.PinnedBy, ", ")
	case s.Row == resolve.Admitted || s.Row == resolve.Waiting:
		words += " by wave " + s.Wave
	}
	if s.Refused != "" {
		words += " to " + s.Refused + ", which is refused: it stays on " + cmp.Or(s.Release, "none")
	}
	return words
}
