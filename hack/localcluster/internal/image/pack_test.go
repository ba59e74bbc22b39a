package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestPackIsCompleteAndRepeatable(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "pause")
	if err := os.WriteFile(program, []byte("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	var archives [2][]byte
	for i := range archives {
		path := filepath.Join(dir, "image.tar")
		if err := Pack(path, "localhost/x:1", program); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		archives[i] = data
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("the same program makes different images")
	}
	contents := untar(t, archives[0])
	var index struct{ Manifests []descriptor }
	if err := json.Unmarshal(contents["index.json"], &index); err != nil {
		t.Fatal(err)
	}
	if got := index.Manifests[0].Annotations["io.containerd.image.name"]; got != "localhost/x:1" {
		t.Errorf("image is called %q", got)
	}
	for name, data := range contents {
		if filepath.Dir(name) == "blobs/sha256" && digest(data) != "sha256:"+filepath.Base(name) {
			t.Errorf("%s has another digest", name)
		}
	}
	if len(contents) != 5 {
		t.Errorf("%d files, want layout, index, manifest, config and layer", len(contents))
	}
}

func untar(t *testing.T, data []byte) map[string][]byte {
	t.Helper()
	contents := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return contents
		}
		if err != nil {
			t.Fatal(err)
		}
		if contents[header.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}
