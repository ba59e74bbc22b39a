package gitops

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// stages are how each kind of resource is seen in each stage of its life.
var stages = map[string]verdict{
	"district-created":          {status.InProgressStatus, status.InProgressStatus, progressing},
	"district-awaiting-release": {status.InProgressStatus, status.InProgressStatus, progressing},
	"district-provisioning":     {status.InProgressStatus, status.InProgressStatus, progressing},
	"district-ready":            {status.CurrentStatus, status.CurrentStatus, healthy},
	"district-edited":           {status.InProgressStatus, status.InProgressStatus, progressing},
	"district-upgrading":        {status.InProgressStatus, status.InProgressStatus, progressing},
	"district-failed":           {status.FailedStatus, status.FailedStatus, degraded},
	"district-suspended":        {status.InProgressStatus, status.CurrentStatus, suspended},
	"district-hibernated":       {status.CurrentStatus, status.CurrentStatus, suspended},
	"district-deleting":         {status.TerminatingStatus, status.InProgressStatus, progressing},

	"puskesmas-created":          {status.InProgressStatus, status.InProgressStatus, progressing},
	"puskesmas-awaiting-release": {status.InProgressStatus, status.InProgressStatus, progressing},
	"puskesmas-provisioning":     {status.InProgressStatus, status.InProgressStatus, progressing},
	"puskesmas-ready":            {status.CurrentStatus, status.CurrentStatus, healthy},
	"puskesmas-edited":           {status.InProgressStatus, status.InProgressStatus, progressing},
	"puskesmas-upgrading":        {status.InProgressStatus, status.InProgressStatus, progressing},
	"puskesmas-failed":           {status.FailedStatus, status.FailedStatus, degraded},
	"puskesmas-suspended":        {status.InProgressStatus, status.CurrentStatus, suspended},
	"puskesmas-hibernated":       {status.CurrentStatus, status.CurrentStatus, suspended},
	"puskesmas-deleting":         {status.TerminatingStatus, status.InProgressStatus, progressing},

	"wave-created":           {status.InProgressStatus, status.InProgressStatus, progressing},
	"wave-awaiting-approval": {status.InProgressStatus, status.InProgressStatus, progressing},
	"wave-provisioning":      {status.InProgressStatus, status.InProgressStatus, progressing},
	"wave-ready":             {status.CurrentStatus, status.CurrentStatus, healthy},
	"wave-edited":            {status.InProgressStatus, status.InProgressStatus, progressing},
	"wave-upgrading":         {status.InProgressStatus, status.InProgressStatus, progressing},
	"wave-failed":            {status.FailedStatus, status.FailedStatus, degraded},
	"wave-suspended":         {status.InProgressStatus, status.CurrentStatus, suspended},
	"wave-deleting":          {status.TerminatingStatus, status.InProgressStatus, progressing},

	"stackrelease-created":  {status.InProgressStatus, status.InProgressStatus, progressing},
	"stackrelease-ready":    {status.CurrentStatus, status.CurrentStatus, healthy},
	"stackrelease-failed":   {status.FailedStatus, status.FailedStatus, degraded},
	"stackrelease-deleting": {status.TerminatingStatus, status.InProgressStatus, progressing},
}

func judges(t *testing.T) *Judges {
	t.Helper()
	j, err := LoadJudges("../..")
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func recording(t *testing.T, stage string) *unstructured.Unstructured {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", stage+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{}
	if content, err = yaml.YAMLToJSON(content); err != nil {
		t.Fatal(err)
	}
	if err := object.UnmarshalJSON(content); err != nil {
		t.Fatal(err)
	}
	return object
}

func TestEachStageOfLife(t *testing.T) {
	j := judges(t)
	for stage, want := range stages {
		t.Run(stage, func(t *testing.T) {
			got, _, err := j.judge(t.Context(), recording(t, stage))
			if err != nil {
				t.Error(err)
			}
			if got != want {
				t.Errorf("kstatus, Flux and Argo CD say %v, want %v", got, want)
			}
		})
	}
}

func TestEachRecordingIsUsed(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if _, found := stages[strings.TrimSuffix(filepath.Base(file), ".yaml")]; !found {
			t.Errorf("nothing is expected of %s", file)
		}
	}
}

// Whatever is wrong or on its way, people read what Argo CD says of it.
func TestMessagesSayWhy(t *testing.T) {
	j := judges(t)
	for stage, part := range map[string]string{
		"district-created":          "the operator has not yet looked at this spec",
		"district-edited":           "the operator has not yet looked at this spec",
		"district-awaiting-release": "AwaitingRelease: waiting for Wave programme-2026",
		"district-failed":           "ApplicationFailed: ",
		"district-suspended":        "nothing is changed or checked until it is Active",
		"district-deleting":         "deletionPolicy is Delete, and it needs a consent",
		"wave-awaiting-approval":    "add all to spec.approvedStages",
		"stackrelease-failed":       "includes the release's own version",
	} {
		_, message, err := j.judge(t.Context(), recording(t, stage))
		if err != nil {
			t.Errorf("%s: %v", stage, err)
		}
		if !strings.Contains(message, part) {
			t.Errorf("%s: Argo CD says %q, which has no %q", stage, message, part)
		}
	}
}

// A status of the spec before is never taken for one of this.
func TestStaleStatus(t *testing.T) {
	j := judges(t)
	for stage := range stages {
		object := recording(t, stage)
		object.SetGeneration(object.GetGeneration() + 1)
		v, _, err := j.judge(t.Context(), object)
		if err != nil {
			t.Errorf("%s: %v", stage, err)
		}
		if v.argocd != progressing || v.flux != status.InProgressStatus {
			t.Errorf("%s: Argo CD says %s and Flux %s of a spec that nobody has looked at", stage, v.argocd, v.flux)
		}
	}
}
