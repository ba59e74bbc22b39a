package live

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestStripKeepsOfAClusterWhatIsCompared(t *testing.T) {
	cluster := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster",
		"spec": map[string]any{
			"imageName": "postgresql:15", "instances": int64(3),
			"storage":    map[string]any{"size": "2Gi", "storageClass": "fast", "resizeInUseVolumes": true},
			"postgresql": map[string]any{"parameters": map[string]any{"max_connections": "300"}},
		},
	}}
	stripped, err := Strip(cluster)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"imageName": "postgresql:15", "instances": int64(3),
		"storage": map[string]any{"size": "2Gi", "storageClass": "fast"},
	}
	if got := stripped.(*unstructured.Unstructured).Object["spec"]; !equality.Semantic.DeepEqual(got, want) {
		t.Errorf("kept %v, not %v", got, want)
	}
	database := &unstructured.Unstructured{Object: map[string]any{"kind": "Database", "spec": map[string]any{"name": "p"}}}
	if _, err := Strip(database); err != nil || database.Object["spec"] != nil {
		t.Errorf("kept %v of a Database: %v", database.Object["spec"], err)
	}
}
