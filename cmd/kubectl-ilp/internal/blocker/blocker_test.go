package blocker

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
)

// said is what a resource says of itself: "Ready=Reason: message", or
// "Stalled=…", and conditions of concerns, as "DatabaseReady=Reason: message".
func said(words ...string) []metav1.Condition {
	var conditions []metav1.Condition
	for _, word := range words {
		name, rest, _ := strings.Cut(word, "=")
		reason, message, _ := strings.Cut(rest, ": ")
		c := metav1.Condition{Type: name, Status: metav1.ConditionFalse, Reason: reason, Message: message}
		switch {
		case name == "Stalled":
			c.Status = metav1.ConditionTrue
			conditions = append(conditions, metav1.Condition{Type: "Ready", Status: metav1.ConditionFalse, Reason: reason, Message: message})
		case reason == v1alpha1.ReasonSucceeded:
			c.Status = metav1.ConditionTrue
		case reason == v1alpha1.ReasonSuspended:
			c.Status = metav1.ConditionUnknown
		}
		conditions = append(conditions, c)
	}
	return conditions
}

func facility(name string, words ...string) v1alpha1.Puskesmas {
	return v1alpha1.Puskesmas{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ilp-6105"}, Status: v1alpha1.PuskesmasStatus{Conditions: said(words...)}}
}

func TestOfDistrict(t *testing.T) {
	for name, test := range map[string]struct {
		district   []string
		facilities []v1alpha1.Puskesmas
		want       string // object: reason outcome
	}{
		"it stands": {[]string{"Ready=Succeeded: all"}, []v1alpha1.Puskesmas{facility("a", "Stalled=ApplicationFailed: x")}, ""},
		"its database is on its way": {
			[]string{"Ready=Progressing: waiting for Cluster", "DatabaseReady=Progressing: waiting for Cluster"},
			[]v1alpha1.Puskesmas{facility("a", "Ready=DependencyNotReady: waiting")},
			"District sintang: Progressing InProgress",
		},
		"its database is on its way, in an upgrade": {
			[]string{"Ready=Upgrading: from a to b, step 2 of 4: waiting for Cluster", "DatabaseReady=Progressing: waiting for Cluster"},
			[]v1alpha1.Puskesmas{facility("a", "Ready=Progressing: x")},
			"District sintang: Upgrading InProgress",
		},
		"its dashboard is on its way, and a Puskesmas needs a person": {
			[]string{"Ready=Progressing: waiting for Deployment", "DashboardReady=Progressing: waiting for Deployment"},
			[]v1alpha1.Puskesmas{facility("a", "Stalled=ApplicationFailed: x")},
			"Puskesmas a of District sintang: ApplicationFailed Held",
		},
		"who needs a person comes first": {
			[]string{"Stalled=ApplicationFailed: 0/4"},
			[]v1alpha1.Puskesmas{
				facility("a", "Ready=AwaitingRelease: x"), facility("b", "Ready=Progressing: x"),
				facility("c", "Ready=InfrastructureFailed: x"), facility("d", "Stalled=ApplicationFailed: x"),
			},
			"Puskesmas d of District sintang: ApplicationFailed Held",
		},
		"then who fails for now": {
			[]string{"Ready=InfrastructureFailed: 0/3"},
			[]v1alpha1.Puskesmas{facility("a", "Ready=Suspended: x"), facility("b", "Ready=Progressing: x"), facility("c", "Ready=InfrastructureFailed: x")},
			"Puskesmas c of District sintang: InfrastructureFailed InProgress",
		},
		"then who is suspended": {
			[]string{"Ready=Progressing: 0/2"},
			[]v1alpha1.Puskesmas{facility("b", "Ready=Progressing: x"), facility("a", "Ready=Suspended: x")},
			"Puskesmas a of District sintang: Suspended Suspended",
		},
		"a release that does not exist is the district's": {
			[]string{"Stalled=ReleaseNotFound: x"},
			[]v1alpha1.Puskesmas{facility("a", "Stalled=ApplicationFailed: x")},
			"District sintang: ReleaseNotFound Held",
		},
		"all Puskesmas stand": {
			[]string{"Ready=Progressing: the dashboard follows"},
			[]v1alpha1.Puskesmas{facility("a", "Ready=Succeeded: x")},
			"District sintang: Progressing InProgress",
		},
		"nobody has looked": {nil, nil, "District sintang: NotSeen InProgress"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &v1alpha1.District{ObjectMeta: metav1.ObjectMeta{Name: "sintang"}, Status: v1alpha1.DistrictStatus{Conditions: said(test.district...)}}
			if got := inWords(OfDistrict(d, test.facilities)); got != test.want {
				t.Errorf("blocked by %q, want %q", got, test.want)
			}
		})
	}
}

func TestOfPuskesmas(t *testing.T) {
	d := &v1alpha1.District{ObjectMeta: metav1.ObjectMeta{Name: "sintang"}, Status: v1alpha1.DistrictStatus{
		Conditions: said("Ready=InfrastructureFailed: no volume", "DatabaseReady=InfrastructureFailed: no volume"),
	}}
	for want, p := range map[string]v1alpha1.Puskesmas{
		"": facility("a", "Ready=Succeeded: x"),
		"Puskesmas a of District sintang: UpgradePath Held":       facility("a", "Stalled=UpgradePath: x"),
		"District sintang: InfrastructureFailed InProgress":       facility("a", "Ready=DependencyNotReady: waiting for District sintang"),
		"Puskesmas a of District sintang: Progressing InProgress": facility("a", "Ready=Progressing: x"),
	} {
		if got := inWords(OfPuskesmas(d, &p, []v1alpha1.Puskesmas{p})); got != want {
			t.Errorf("blocked by %q, want %q", got, want)
		}
	}
}

// TestNextOfRecordMissing: nobody but a person knows what runs.
func TestNextOfRecordMissing(t *testing.T) {
	d := &v1alpha1.District{ObjectMeta: metav1.ObjectMeta{Name: "sintang"}, Status: v1alpha1.DistrictStatus{Conditions: said("Stalled=RecordMissing: x")}}
	p := facility("a", "Stalled=RecordMissing: x")
	for want, b := range map[string]*Blocker{
		"kubectl get stackreleases, then pin the one that runs: kubectl ilp district pin sintang RELEASE":           OfDistrict(d, nil),
		"set spec.release of Puskesmas a of District sintang to the release that its database has worked with last": OfPuskesmas(d, &p, nil),
	} {
		if b == nil || b.Outcome != Held || b.Next != want {
			t.Errorf("the next step is %+v, want %s", b, want)
		}
	}
}

// TestOldStatus: what was said of another spec blocks nothing and lets nothing pass.
func TestOldStatus(t *testing.T) {
	d := &v1alpha1.District{ObjectMeta: metav1.ObjectMeta{Name: "sintang", Generation: 2}, Status: v1alpha1.DistrictStatus{
		ObservedGeneration: 1, Conditions: said("Ready=Succeeded: all"),
	}}
	if got := inWords(OfDistrict(d, nil)); got != "District sintang: NotSeen InProgress" {
		t.Errorf("blocked by %q", got)
	}
}

func inWords(b *Blocker) string {
	if b == nil {
		return ""
	}
	return b.Object + ": " + b.Reason + " " + string(b.Outcome)
}

// TestNextKnowsEveryFailure: whoever adds a reason that stands for a failure says
// what a person does about it.
func TestNextKnowsEveryFailure(t *testing.T) {
	known := 0
	for _, file := range []string{"conditions.go", "wave_reasons.go"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), "../../../../api/v1alpha1/"+file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			value, ok := n.(*ast.ValueSpec)
			if !ok || !strings.HasPrefix(value.Names[0].Name, "Reason") {
				return true
			}
			reason, err := strconv.Unquote(value.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			if v1alpha1.CauseOf(reason) == v1alpha1.CauseUnknown {
				return true
			}
			known++
			for _, s := range []Subject{
				{Kind: District, District: "sintang", Namespace: "ilp-6105"},
				{Kind: Puskesmas, District: "sintang", Namespace: "ilp-6105", Puskesmas: "tebidah"},
			} {
				if next := Next(s, reason); next == "" || strings.Contains(next, "  ") {
					t.Errorf("what to do about %s of %s: %q", reason, s.Name(), next)
				}
			}
			return true
		})
	}
	if known < 15 {
		t.Errorf("only %d reasons were found", known)
	}
}
