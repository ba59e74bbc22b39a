package status

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/blocker"
	"ilp.health/operator/cmd/kubectl-ilp/internal/page"
)

// longestMessage of a district among others, in bytes.
const longestMessage = 100

// all districts.
type all struct {
	Time      time.Time  `json:"time"`
	Districts []district `json:"districts"`
}

// district is one line of them.
type district struct {
	District string          `json:"district"`
	Code     string          `json:"code"`
	Name     string          `json:"name"`
	Wave     string          `json:"wave,omitempty"`
	Release  releases        `json:"release"`
	Count    string          `json:"puskesmasReady,omitempty"`
	Outcome  blocker.Outcome `json:"outcome"`
	Ready    string          `json:"ready"`
	Reason   string          `json:"reason,omitempty"`
	Message  string          `json:"message,omitempty"`
	Created  time.Time       `json:"created,omitzero"`
}

// releases are the one that runs, and the one that is on its way.
type releases struct {
	Current string `json:"current,omitempty"`
	Target  string `json:"target,omitempty"`
}

func (r releases) String() string {
	switch {
	case r.Current == r.Target || r.Target == "":
		return page.OrDash(r.Current)
	case r.Current == "":
		return "→ " + r.Target
	default:
		return r.Current + " → " + r.Target
	}
}

func lookAtAll(ctx context.Context, c client.Client, now time.Time) (document, error) {
	var list v1alpha1.DistrictList
	if err := c.List(ctx, &list); err != nil {
		return nil, fmt.Errorf("list districts: %w", err)
	}
	d := &all{Time: now.UTC().Truncate(time.Second), Districts: []district{}}
	for i := range list.Items {
		d.Districts = append(d.Districts, lineOf(&list.Items[i]))
	}
	slices.SortFunc(d.Districts, func(a, b district) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.District, b.District))
	})
	return d, nil
}

func lineOf(d *v1alpha1.District) district {
	line := district{
		District: d.Name, Code: string(d.Spec.Code), Name: d.Spec.Name, Wave: string(d.Spec.WaveRef.Name),
		Release: releases{d.Status.Release.Current, d.Status.Release.Target}, Count: d.Status.Puskesmas.Summary,
		Outcome: blocker.OutcomeOf(d.Status.Conditions, d.Status.ObservedGeneration, d.Generation),
		Ready:   "Unknown", Created: d.CreationTimestamp.UTC(),
	}
	if ready := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		line.Ready, line.Reason, line.Message = string(ready.Status), ready.Reason, ready.Message
	}
	return line
}

func (d *all) outcome() blocker.Outcome {
	outcome := blocker.Ready
	for i := range d.Districts {
		outcome = worse(outcome, d.Districts[i].Outcome)
	}
	return outcome
}

// marks of the outcomes.
var marks = map[blocker.Outcome]string{
	blocker.Ready: page.Good, blocker.InProgress: page.OnWay, blocker.Suspended: page.Caution, blocker.Held: page.Bad,
}

func (d *all) write(out io.Writer) error {
	p := page.New(out)
	if len(d.Districts) == 0 {
		p.Sayf("There is no district; kubectl ilp onboard makes the folder of one.")
		return p.Err
	}
	rows := [][]string{{"  DISTRICT", "CODE", "NAME", "WAVE", "RELEASE", "PUSKESMAS", "READY", "REASON", "AGE", "MESSAGE"}}
	for _, l := range d.Districts {
		rows = append(rows, []string{
			marks[l.Outcome] + " " + l.District, l.Code, l.Name, page.OrDash(l.Wave), l.Release.String(), page.OrDash(l.Count),
			l.Ready, page.OrDash(l.Reason), page.Age(d.Time, l.Created), page.Short(l.Message, longestMessage),
		})
	}
	p.Table(rows)
	p.Sayf("\n%s", d.line())
	return p.Err
}

// line counts them.
func (d *all) line() string {
	counts := map[blocker.Outcome]int{}
	for i := range d.Districts {
		counts[d.Districts[i].Outcome]++
	}
	text := fmt.Sprintf("%d of %d ready", counts[blocker.Ready], len(d.Districts))
	for _, part := range []struct {
		outcome blocker.Outcome
		text    string
	}{{blocker.InProgress, "in progress"}, {blocker.Suspended, "suspended"}, {blocker.Held, "held: kubectl ilp why " + d.first(blocker.Held)}} {
		if n := counts[part.outcome]; n > 0 {
			text += fmt.Sprintf(", %d %s", n, part.text)
		}
	}
	return text
}

func (d *all) first(outcome blocker.Outcome) string {
	for i := range d.Districts {
		if d.Districts[i].Outcome == outcome {
			return d.Districts[i].District
		}
	}
	return ""
}
