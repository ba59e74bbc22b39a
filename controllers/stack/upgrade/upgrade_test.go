package upgrade

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
)

func release(version, from, rollback, database string) Release {
	return ReleaseOf(&v1alpha1.StackRelease{
		ObjectMeta: metav1.ObjectMeta{Name: "ilp-" + version},
		Spec: v1alpha1.StackReleaseSpec{
			Version: v1alpha1.SemanticVersion(version), UpgradeFrom: from, SchemaRollback: v1alpha1.SchemaRollback(rollback),
			Database: v1alpha1.DatabaseRelease{Image: v1alpha1.ImageReference(database)},
		},
	})
}

func TestPath(t *testing.T) {
	const pg = "registry.example:5000/ilp/postgresql:15.14"
	for name, c := range map[string]struct {
		from, to  Release
		direction Direction
		reason    string
		message   string
	}{
		"a later release":                {from: release("1.0.0", "", "", pg), to: release("1.1.0", "", "", pg)},
		"one that names where from":      {from: release("1.0.0", "", "", pg), to: release("1.1.0", ">=1.0.0 <1.1.0", "", pg)},
		"a repaired build":               {from: release("1.0.0", "", "", pg), to: release("1.0.0+2", ">=0.9.0 <1.0.0", "", pg)},
		"another minor of PostgreSQL":    {from: release("1.0.0", "", "", pg), to: release("1.1.0", "", "", "postgresql:15.15-bookworm@sha256:"+strings.Repeat("a", 64))},
		"back to what it came from":      {from: release("1.1.0", ">=1.0.0 <1.1.0", "Safe", pg), to: release("1.0.0", "", "", pg), direction: Back},
		"one in between is missing":      {from: release("1.0.0", "", "", pg), to: release("3.0.0", ">=2.0.0 <3.0.0", "", pg), reason: v1alpha1.ReasonUpgradePath, message: "name a release in between first"},
		"back over an unsafe schema":     {from: release("1.1.0", "", "Unsafe", pg), to: release("1.0.0", "", "", pg), direction: Back, reason: v1alpha1.ReasonDowngrade, message: "restore a backup"},
		"back further than it came from": {from: release("1.1.0", ">=1.0.0 <1.1.0", "Safe", pg), to: release("0.9.0", "", "", pg), direction: Back, reason: v1alpha1.ReasonUpgradePath, message: "only to what it is reached from"},
		"another major of PostgreSQL":    {from: release("1.0.0", "", "", pg), to: release("2.0.0", "", "", "postgresql:16.4"), reason: v1alpha1.ReasonUpgradePath, message: "a major version never changes by itself"},
		"PostgreSQL by digest alone":     {from: release("1.0.0", "", "", pg), to: release("2.0.0", "", "", "postgresql@sha256:"+strings.Repeat("a", 64)), reason: v1alpha1.ReasonUpgradePath, message: "cannot be told from the images"},
		"a registry's port is no version": {
			from: release("1.0.0", "", "", "registry.example:15/postgresql@sha256:"+strings.Repeat("a", 64)), to: release("2.0.0", "", "", pg),
			reason: v1alpha1.ReasonUpgradePath, message: "cannot be told from the images",
		},
	} {
		t.Run(name, func(t *testing.T) {
			direction, refusal := Path(c.from, c.to)
			switch {
			case c.reason == "" && refusal != nil:
				t.Fatalf("refused: %s", refusal.Message)
			case c.reason != "" && refusal == nil:
				t.Fatal("not refused")
			case refusal != nil && (refusal.Reason != c.reason || !strings.Contains(refusal.Message, c.message)):
				t.Errorf("refused as %s: %s", refusal.Reason, refusal.Message)
			}
			if direction != c.direction {
				t.Errorf("direction %d, want %d", direction, c.direction)
			}
		})
	}
}
