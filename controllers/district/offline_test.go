package district

import (
	"strings"
	"testing"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/config"
	"ilp.health/operator/controllers/stack/render"
)

// TestOfflineRefusesParameters has a District that was stored before the schema
// knew which parameters lose records.
func TestOfflineRefusesParameters(t *testing.T) {
	release := &v1alpha1.StackRelease{Spec: v1alpha1.StackReleaseSpec{
		Database:  v1alpha1.DatabaseRelease{Image: "postgresql:15.10"},
		Dashboard: v1alpha1.DashboardRelease{Profile: v1alpha1.DashboardProfileSuperset, Image: "superset:6.1.0"},
	}}
	offline := func(parameters map[string]string) error {
		district := &v1alpha1.District{Spec: v1alpha1.DistrictSpec{
			Code: "61.05", Name: "Kabupaten Sintang",
			Database: v1alpha1.DatabaseSpec{Storage: "20Gi", Parameters: parameters},
		}}
		_, err := Offline(t.Context(), render.New(config.Stack()), DefaultIdentity, district, nil, release)
		return err
	}
	if err := offline(map[string]string{"work_mem": "8MB"}); err != nil {
		t.Error(err)
	}
	err := offline(map[string]string{"work_mem": "8MB", "full_page_writes": "off"})
	if want := "spec.database.parameters: full_page_writes would lose or corrupt records: take it out"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}
