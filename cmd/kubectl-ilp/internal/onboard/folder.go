package onboard

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"ilp.health/operator/api/v1alpha1"
)

const (
	kustomizationFile = "kustomization.yaml"
	namespaceFile     = "namespace.yaml"
	districtFile      = "district.yaml"
	puskesmasFolder   = "puskesmas"
)

// folder is a district's folder in Git, in memory until write.
type folder struct {
	path  string
	files []*file
}

// file is one YAML file with its comments.
type file struct {
	name  string // below the folder
	nodes []*yaml.RNode
	// before is what is on the disk; nil of a new file.
	before []byte
	style  yaml.SequenceIndentStyle
	// changed tells that nodes differ from before.
	changed bool
}

// readFolder reads the YAML files of a folder, which need not exist.
func readFolder(path string) (*folder, error) {
	d := &folder{path: path}
	err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(name)) {
			return err
		}
		content, err := os.ReadFile(name) //nolint:gosec // below the folder that the user named
		if err != nil {
			return err
		}
		reader := kio.ByteReader{Reader: bytes.NewReader(content), OmitReaderAnnotations: true, DisableUnwrapping: true}
		nodes, err := reader.Read()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		below, err := filepath.Rel(path, name)
		if err != nil {
			return err
		}
		style := yaml.SequenceIndentStyle(yaml.DeriveSeqIndentStyle(string(content)))
		d.files = append(d.files, &file{name: filepath.ToSlash(below), nodes: nodes, before: content, style: style})
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return d, err
}

// add begins a new file, which has no namesake.
func (d *folder) add(name, text string) (*file, error) {
	if slices.ContainsFunc(d.files, func(f *file) bool { return f.name == name }) {
		return nil, fmt.Errorf("%s is there, but not what belongs in it: move it elsewhere", filepath.Join(d.path, name))
	}
	node, err := yaml.Parse(text)
	if err != nil {
		return nil, err
	}
	f := &file{name: name, nodes: []*yaml.RNode{node}, style: yaml.WideSequenceStyle, changed: true}
	d.files = append(d.files, f)
	return f, nil
}

// found is one object in one file.
type found struct {
	file *file
	node *yaml.RNode
}

// find lists all objects of a kind.
func (d *folder) find(apiVersion, kind string) []found {
	var all []found
	for _, f := range d.files {
		for _, node := range f.nodes {
			// A list, such as the operations of a patch, is no object.
			if yaml.IsMissingOrNull(node) || node.YNode().Kind != yaml.MappingNode {
				continue
			}
			if node.GetApiVersion() == apiVersion && node.GetKind() == kind {
				all = append(all, found{f, node})
			}
		}
	}
	return all
}

// findOwn lists the Districts or Puskesmas. What has no code is a patch of one.
func (d *folder) findOwn(kind string) []found {
	return slices.DeleteFunc(d.find(v1alpha1.GroupVersion.String(), kind), func(f found) bool { return codeOf(f.node) == "" })
}

// kustomization is the folder's own, at its root.
func (d *folder) kustomization() *found {
	for _, f := range d.files {
		if slices.Contains([]string{kustomizationFile, "kustomization.yml"}, f.name) && len(f.nodes) == 1 {
			return &found{f, f.nodes[0]}
		}
	}
	return nil
}

// content is what the file is to be. A file that has not changed keeps every byte.
func (f *file) content() ([]byte, error) {
	if !f.changed {
		return f.before, nil
	}
	var out bytes.Buffer
	for i, node := range f.nodes {
		if i > 0 {
			out.WriteString("---\n")
		}
		encoder := yaml.NewEncoderWithOptions(&out, &yaml.EncoderOptions{SeqIndent: f.style})
		if err := errors.Join(encoder.Encode(node.Document()), encoder.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return out.Bytes(), nil
}

// write writes the files that differ and returns what it did to each.
func (d *folder) write() ([]string, error) {
	slices.SortStableFunc(d.files, func(a, b *file) int { return cmp.Compare(a.name, b.name) })
	var done []string
	for _, f := range d.files {
		content, err := f.content()
		if err != nil {
			return done, err
		}
		if bytes.Equal(content, f.before) {
			continue
		}
		path := filepath.Join(d.path, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // a folder of a Git work tree
			return done, err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil { //nolint:gosec // a file of a Git work tree
			return done, err
		}
		verb := "changed"
		if f.before == nil {
			verb = "created"
		}
		done = append(done, verb+" "+path)
	}
	return done, nil
}
