package status

import (
	"context"
	"fmt"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/blocker"
	"ilp.health/operator/cmd/kubectl-ilp/internal/page"
	"ilp.health/operator/cmd/kubectl-ilp/internal/release"
	"ilp.health/operator/cmd/kubectl-ilp/internal/source"
)

// one district.
type one struct {
	Time time.Time `json:"time"`
	district
	Namespace string `json:"namespace"`
	Dashboard string `json:"dashboardURL,omitempty"`
	// Standing is why it has its release; nothing where that may not be read.
	Standing   *release.Standing `json:"resolved,omitempty"`
	Conditions []condition       `json:"conditions"`
	Puskesmas  []facility        `json:"puskesmas"`
	// Blocker is what is waited for; nothing if the district stands.
	Blocker *blocker.Blocker `json:"blocker,omitempty"`
}

// condition of one concern.
type condition struct {
	Type    string                 `json:"type"`
	Status  metav1.ConditionStatus `json:"status"`
	Reason  string                 `json:"reason,omitempty"`
	Message string                 `json:"message,omitempty"`
	Since   time.Time              `json:"since,omitzero"`
}

// facility is a Puskesmas.
type facility struct {
	Puskesmas string          `json:"puskesmas"`
	Code      string          `json:"code"`
	Name      string          `json:"name"`
	Release   releases        `json:"release"`
	Outcome   blocker.Outcome `json:"outcome"`
	Ready     string          `json:"ready"`
	Reason    string          `json:"reason,omitempty"`
	Message   string          `json:"message,omitempty"`
	URL       string          `json:"rmeURL,omitempty"`
	Created   time.Time       `json:"created,omitzero"`
}

// concerns of a district, in the order in which they come up.
var concerns = []string{
	v1alpha1.ConditionIsolationReady, v1alpha1.ConditionDatabaseReady, v1alpha1.ConditionPuskesmasReady,
	v1alpha1.ConditionDashboardReady, v1alpha1.ConditionBackupReady,
}

func lookAtOne(ctx context.Context, c client.Client, name string, now time.Time) (document, error) {
	stack, err := source.StackOf(ctx, c, name)
	if err != nil {
		return nil, err
	}
	d := &stack.District
	found := &one{
		Time: now.UTC().Truncate(time.Second), district: lineOf(d),
		Namespace: v1alpha1.NamespaceFor(d.Spec.Code), Dashboard: d.Status.DashboardURL,
		Conditions: []condition{}, Puskesmas: []facility{},
		Blocker: blocker.OfDistrict(d, stack.Puskesmas),
	}
	if standing, err := release.StandingOf(ctx, c, d); err == nil {
		found.Standing = standing
	}
	for _, concern := range concerns {
		if c := meta.FindStatusCondition(d.Status.Conditions, concern); c != nil {
			found.Conditions = append(found.Conditions, condition{c.Type, c.Status, c.Reason, c.Message, c.LastTransitionTime.UTC()})
		}
	}
	for i := range stack.Puskesmas {
		found.Puskesmas = append(found.Puskesmas, facilityOf(&stack.Puskesmas[i]))
	}
	return found, nil
}

func facilityOf(p *v1alpha1.Puskesmas) facility {
	f := facility{
		Puskesmas: p.Name, Code: p.Spec.Code, Name: p.Spec.Name,
		Release: releases{p.Status.Release.Current, p.Status.Release.Target},
		Outcome: blocker.OutcomeOf(p.Status.Conditions, p.Status.ObservedGeneration, p.Generation),
		Ready:   "Unknown", URL: p.Status.RMEURL, Created: p.CreationTimestamp.UTC(),
	}
	if ready := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		f.Ready, f.Reason, f.Message = string(ready.Status), ready.Reason, ready.Message
	}
	return f
}

func (d *one) outcome() blocker.Outcome { return d.Outcome }

var outcomeText = map[blocker.Outcome]string{
	blocker.Ready: "ready", blocker.InProgress: "in progress", blocker.Suspended: "suspended", blocker.Held: "HELD",
}

func (d *one) write(out io.Writer) error {
	p := page.New(out)
	p.Sayf("%s District %s (%s, %s): %s", marks[d.Outcome], d.District, d.Code, d.Name, outcomeText[d.Outcome])
	p.Table([][]string{
		{"release", d.releaseText()},
		{"wave", page.OrDash(d.Wave)},
		{"namespace", d.Namespace},
		{"dashboard", page.OrDash(d.Dashboard)},
	})
	if len(d.Conditions) > 0 {
		p.Sayf("")
		rows := [][]string{{"  CONDITION", "REASON", "SINCE", "MESSAGE"}}
		for _, c := range d.Conditions {
			rows = append(rows, []string{c.mark() + " " + c.Type, c.Reason, page.Age(d.Time, c.Since), page.Short(c.Message, longestMessage)})
		}
		p.Table(rows)
	}
	if len(d.Puskesmas) > 0 {
		p.Sayf("")
		rows := [][]string{{"  PUSKESMAS", "CODE", "RELEASE", "REASON", "AGE", "RME"}}
		for _, f := range d.Puskesmas {
			rows = append(rows, []string{
				marks[f.Outcome] + " " + f.Puskesmas, f.Code, f.Release.String(), page.OrDash(f.Reason), page.Age(d.Time, f.Created), page.OrDash(f.URL),
			})
		}
		p.Table(rows)
	}
	if b := d.Blocker; b != nil {
		p.Sayf("\n%s: %s", b.Object, b.Reason)
		p.Sayf("  %s", page.Line(b.Message))
		if b.Next != "" {
			p.Sayf("  next: %s", b.Next)
		}
	}
	return p.Err
}

// releaseText has the release, and why it is that one.
func (d *one) releaseText() string {
	if d.Standing == nil {
		return d.Release.String()
	}
	return fmt.Sprintf("%s (%s)", d.Release, d.Standing)
}

// mark of a condition. Without backups a district stands and is in danger.
func (c condition) mark() string {
	switch {
	case c.Status == metav1.ConditionTrue:
		return page.Good
	case c.Type == v1alpha1.ConditionBackupReady:
		return page.Caution
	case v1alpha1.CauseOf(c.Reason) != v1alpha1.CauseUnknown:
		return page.Bad
	default:
		return page.OnWay
	}
}

func (d *one) line() string {
	text := fmt.Sprintf("%s: %s Puskesmas, release %s", outcomeText[d.Outcome], page.OrDash(d.Count), d.Release)
	if b := d.Blocker; b != nil {
		text += fmt.Sprintf("; %s: %s: %s", b.Object, b.Reason, page.Line(b.Message))
	}
	return text
}
