// Package image packs a static program into a container image, so that
// nothing has to be pulled or built with other tools for it.
package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// nobody is the user of packed images: pods with restricted security need one
// that is not root.
const nobody = "65534:65534"

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Pack writes an OCI archive with one image called name, whose only file and
// entry point is the program.
func Pack(archive, name, program string) error {
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	entry := filepath.Base(program)
	layer, err := tarball(file{name: entry, mode: 0o755, data: content})
	if err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Entrypoint": []string{"/" + entry}, "User": nobody},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digest(layer)}},
	})
	if err != nil {
		return err
	}
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": describe("application/vnd.oci.image.config.v1+json", config),
		"layers": []descriptor{describe("application/vnd.oci.image.layer.v1.tar", layer)},
	})
	if err != nil {
		return err
	}
	reference := describe("application/vnd.oci.image.manifest.v1+json", manifest)
	reference.Annotations = map[string]string{"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": []descriptor{reference}})
	if err != nil {
		return err
	}
	packed, err := tarball(
		file{name: "oci-layout", mode: 0o644, data: []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		file{name: "index.json", mode: 0o644, data: index},
		blob(manifest), blob(config), blob(layer),
	)
	if err != nil {
		return err
	}
	return os.WriteFile(archive, packed, 0o644)
}

type file struct {
	name string
	mode int64
	data []byte
}

func blob(data []byte) file {
	sum := sha256.Sum256(data)
	return file{name: "blobs/sha256/" + hex.EncodeToString(sum[:]), mode: 0o644, data: data}
}

// tarball has no times or owners, so that the same program is the same image.
func tarball(files ...file) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.data))}); err != nil {
			return nil, fmt.Errorf("pack %s: %w", f.name, err)
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, fmt.Errorf("pack %s: %w", f.name, err)
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

func describe(mediaType string, data []byte) descriptor {
	return descriptor{MediaType: mediaType, Digest: digest(data), Size: len(data)}
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
